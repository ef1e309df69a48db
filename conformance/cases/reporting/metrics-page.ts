/** OBS-02: the metrics page counts what happened. */
import type { Observe, Series } from "../../adapters/observe.ts";
import { parsePrometheusText, type MetricFamily } from "../../../fixtures/wire/prometheus-text.ts";
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { EMPTY_ANSWER, exchange, httpOf, newRequestId, noted } from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { noteAddresses, podCalled } from "./pod-names.ts";

const DECLARED = "declared-metrics";

export const metricsPageCases: readonly Case[] = [metrics()];

function metrics(): Case {
  const CLIENTS = 8;
  const REQUESTS = 120;
  const LOOKS = 10;
  /** Statuses that no router retries; of one that is retried, the last answer counts. */
  const STATUSES = [200, 200, 200, 400, 404] as const;
  const RETRIED = 503;
  const MOVED = 12;
  const pageNow = async (lab: Lab): Promise<string> => (await httpOf(lab).router.metricsPage()) ?? "";
  return httpCase({
    id: "OBS-02",
    level: "SHOULD",
    requirement: "R-OBS-2",
    title: "The metrics page SHOULD be valid, never count backwards, and count each answer under its pod and status.",
    needs: { happenings: ["failed-answer"], shows: ["observe.metrics.requests"] },
    traffic: async (lab) => {
      lab.note(DECLARED, httpOf(lab).router.observe.metrics);
      noteAddresses(lab);
      const before = await pageNow(lab);
      const queue = Array.from({ length: REQUESTS }, () => lab.random.pick(STATUSES));
      const client = async (): Promise<void> => {
        for (let status = queue.pop(); status !== undefined; status = queue.pop()) {
          await exchange(lab, { label: String(status), reply: { ...EMPTY_ANSWER, status } });
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      const series = httpOf(lab).router.observe.metrics?.requests;
      const { retry } = lab.profile;
      const moves = series?.status !== undefined && retry?.on.includes(RETRIED) === true && retry.max > 0 ? MOVED : 0;
      for (let moved = 0; moved < moves; moved++) {
        const requestId = newRequestId(lab);
        const { pods } = httpOf(lab);
        pods.script({ requestId, reply: EMPTY_ANSWER });
        pods.script({ requestId, times: 1, reply: { ...EMPTY_ANSWER, status: RETRIED } });
        await exchange(lab, { label: "tried again" }, requestId);
      }
      const total = (page: string): number =>
        samplesOf(page, series?.name ?? "")
          .filter(({ labels }) => labels[series?.status ?? ""] !== String(RETRIED))
          .reduce((sum, { value }) => sum + value, 0);
      let after = await pageNow(lab);
      for (let look = 1; look < LOOKS && total(after) < total(before) + REQUESTS + moves; look++) {
        await lab.quiet();
        after = await pageNow(lab);
      }
      lab.note("pages", { before, after });
    },
    missing: unreached,
    finding: (exchanges, _profile, observation) => {
      const { before, after } = noted(observation, "pages") as { readonly before: string; readonly after: string };
      const broken = brokenPage(before, after);
      if (broken !== undefined) return broken;
      const { requests, podIs = "url" } = (noted(observation, DECLARED) ?? {}) as Partial<
        NonNullable<Observe["metrics"]>
      >;
      if (requests === undefined) return undefined;
      const counted = delta(before, after, requests, (pod) => podCalled(pod, podIs, observation));
      const truth = tally(
        exchanges.map(({ status, attempts }) => [status, attempts.at(-1)?.pod, 1]),
        requests,
      );
      const keys = [...new Set([...counted.keys(), ...truth.keys()])];
      // What was refused on the way may be counted as well: there are routers that count each attempt.
      const answers = keys.filter((key) => !key.startsWith(`status ${RETRIED},`));
      const odd = answers.find((key) => (counted.get(key) ?? 0) !== (truth.get(key) ?? 0));
      if (odd === undefined) return undefined;
      return {
        reason: "requests-miscounted",
        detail: `${odd}: ${truth.get(odd) ?? 0} answers, and the page counts ${counted.get(odd) ?? 0}`,
        expected: [...truth].map(([key, count]) => `${key}: ${count}`),
        observed: [...counted].map(([key, count]) => `${key}: ${count}`),
      };
    },
  });
}

type Counted = readonly [status: string | number | undefined, pod: string | undefined, count: number];

/** By status and pod, as far as the series tells them apart. */
function tally(counted: readonly Counted[], series: Series): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [status, pod, count] of counted) {
    const parts = [
      series.status === undefined ? "any status" : `status ${status}`,
      series.pod === undefined ? "any pod" : (pod ?? "no pod"),
    ];
    const key = parts.join(", ");
    if (count !== 0) sums.set(key, (sums.get(key) ?? 0) + count);
  }
  return sums;
}

function delta(
  before: string,
  after: string,
  series: Series,
  podOf: (label: string) => string | undefined,
): ReadonlyMap<string, number> {
  const signed = (page: string, sign: 1 | -1): Counted[] =>
    samplesOf(page, series.name).map(({ labels, value }) => [
      labels[series.status ?? ""],
      podOf(labels[series.pod ?? ""] ?? ""),
      sign * value,
    ]);
  const sums = tally([...signed(after, 1), ...signed(before, -1)], series);
  return new Map([...sums].filter(([, count]) => count !== 0));
}

export const samplesOf = (page: string, name: string): MetricFamily["samples"] =>
  (familiesOf(page) ?? []).flatMap(({ samples }) => samples.filter((sample) => sample.name === name));

function familiesOf(page: string): readonly MetricFamily[] | undefined {
  try {
    return parsePrometheusText(page);
  } catch {
    return undefined;
  }
}

const seriesKey = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name}${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`;

function brokenPage(before: string, after: string): Finding | undefined {
  const [earlier, later] = [familiesOf(before), familiesOf(after)];
  if (earlier === undefined || later === undefined) {
    return { reason: "metrics-page-invalid", detail: "the metrics page is no Prometheus text" };
  }
  const counts = new Map(
    earlier.flatMap(({ type, samples }) =>
      type === "counter" ? samples.map(({ name, labels, value }) => [seriesKey(name, labels), value] as const) : [],
    ),
  );
  for (const { samples } of later) {
    for (const { name, labels, value } of samples) {
      if (value < (counts.get(seriesKey(name, labels)) ?? -Infinity)) {
        return { reason: "counter-went-back", detail: `${seriesKey(name, labels)} fell to ${value}` };
      }
    }
  }
  return undefined;
}
