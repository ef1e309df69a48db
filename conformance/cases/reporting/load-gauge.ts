/** OBS-06: a gauge of requests under way says how many there are. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { EMPTY_ANSWER, exchange, httpOf, newRequestId, noted, PATIENCE_MS } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { samplesOf } from "./metrics-page.ts";

const REQUESTS = 5;
const LOOKS = 40;
const BETWEEN_LOOKS_MS = 50;
const GATE = "the gauge was read";
const SAID = "gauge";

/** What the gauge comes to, summed over pods; looked at until it is what is wanted, or for two seconds. */
async function gaugeOf(lab: Lab, wanted: number): Promise<number> {
  const http = httpOf(lab);
  const name = http.router.observe.metrics?.inFlight?.name ?? "";
  let said = NaN;
  for (let look = 0; look < LOOKS && said !== wanted; look++) {
    if (look > 0) await http.wait(BETWEEN_LOOKS_MS);
    said = samplesOf((await http.router.metricsPage()) ?? "", name).reduce((sum, { value }) => sum + value, 0);
  }
  return said;
}

export const loadGaugeCases: readonly Case[] = [
  httpCase({
    id: "OBS-06",
    level: "SHOULD",
    requirement: "R-OBS-6",
    title: "The declared gauge of requests under way SHOULD say how many there are, and fall when they end.",
    needs: { shows: ["observe.metrics.inFlight"] },
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      await lab.quiet();
      const before = await gaugeOf(lab, 0);
      const ids = Array.from({ length: REQUESTS }, () => newRequestId(lab));
      const reply = { ...EMPTY_ANSWER, body: [{ wait: GATE }, ...EMPTY_ANSWER.body] };
      const sent = ids.map((id) => exchange(lab, { label: "under way", reply, timeoutMs: 2 * PATIENCE_MS }, id));
      await Promise.all(
        ids.map((id) => pods.waitUntil(id, (seen) => seen.length > 0, PATIENCE_MS).catch(() => undefined)),
      );
      const during = await gaugeOf(lab, REQUESTS);
      pods.release(GATE);
      await Promise.all(sent);
      lab.note(SAID, [before, during, await gaugeOf(lab, 0)]);
    },
    missing: unreached,
    finding: (_exchanges, _profile, observation) => {
      const said = (noted(observation, SAID) ?? []) as readonly number[];
      if (said.join() === [0, REQUESTS, 0].join()) return undefined;
      return {
        reason: "gauge-wrong",
        detail: `before, during and after ${REQUESTS} requests that were under way together the gauge said ${said.join(", ")}`,
        expected: ["0", String(REQUESTS), "0"],
        observed: said.map(String),
      };
    },
  }),
];
