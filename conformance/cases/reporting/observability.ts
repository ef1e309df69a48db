/** OBS-01, OBS-03, OBS-04: what a router says of itself along the way is true. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import {
  EMPTY_ANSWER,
  exchange,
  exchangeTogether,
  httpOf,
  newRequestId,
  noted,
  type Exchange,
} from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { noteAddresses, podCalled } from "./pod-names.ts";

const DECLARED = "declared-header";

export const observabilityCases: readonly Case[] = [readiness(), podHeader(), ids()];

function readiness(): Case {
  const CHANGED_WITHIN_MS = 2_000;
  const good = (status: number): boolean => status >= 200 && status < 300;
  return httpCase({
    id: "OBS-01",
    level: "SHOULD",
    requirement: "R-OBS-1",
    title: "A router SHOULD call itself ready exactly while it has a pod to send to.",
    needs: { podChanges: ["remove", "add"], shows: ["observe.readiness"] },
    traffic: async (lab) => {
      const { router } = httpOf(lab);
      const ask = (wanted: "ready" | "not-ready"): Promise<number> => router.readiness(wanted, CHANGED_WITHIN_MS);
      await exchange(lab, { label: "with pods" });
      const before = await ask("ready");
      for (const pod of lab.pods()) await lab.removePod(pod);
      const without = await ask("not-ready");
      await lab.addPod();
      lab.note("readiness", { before, without, after: await ask("ready") });
    },
    missing: unreached,
    finding: (_exchanges, _profile, observation) => {
      const { before, without, after } = noted(observation, "readiness") as Readonly<Record<string, number>>;
      const observed = [before, without, after].map(String);
      const said = `with pods ${before}, without any ${without}, with one again ${after}`;
      if (!good(before ?? 0) || !good(after ?? 0)) return { reason: "not-ready-with-pods", detail: said, observed };
      return good(without ?? 0) ? { reason: "ready-without-pods", detail: said, observed } : undefined;
    },
  });
}

function podHeader(): Case {
  const REQUESTS = 12;
  const MOVES = 4;
  const MOVED = "moved to another pod";
  return httpCase({
    id: "OBS-03",
    level: "declared-MUST",
    requirement: "R-OBS-3",
    title: "The pod that a router names in its declared header MUST be the one that served, after retries too.",
    needs: { shows: ["podSeenBy"] },
    traffic: async (lab) => {
      const { router, pods } = httpOf(lab);
      lab.note(DECLARED, router.podSeenBy);
      noteAddresses(lab);
      const { retry } = lab.profile;
      const moves = retry?.on.includes(503) === true && retry.max > 0 ? MOVES : 0;
      for (let request = 0; request < moves; request++) {
        const requestId = newRequestId(lab);
        pods.script({ requestId, reply: EMPTY_ANSWER });
        pods.script({ requestId, times: 1, reply: { kind: "respond", status: 503, body: ["{}"] } });
        await exchange(lab, { label: MOVED }, requestId);
      }
      await exchangeTogether(lab, REQUESTS, "served at once");
    },
    missing: (exchanges) =>
      unreached(exchanges) ??
      (exchanges.some(({ label, attempts }) => label === MOVED && attempts.length < 2)
        ? "a request that had to move to another pod did not"
        : undefined),
    finding: (exchanges, _profile, observation) => {
      const { header, value } = noted(observation, DECLARED) as NonNullable<Lab["http"]>["router"]["podSeenBy"] &
        object;
      const lie = exchanges.find(
        ({ status, headers, attempts }) =>
          status === 200 &&
          podCalled(String(headers[header.toLowerCase()]), value, observation) !== attempts.at(-1)?.pod,
      );
      if (lie === undefined) return undefined;
      return {
        reason: "pod-header-lies",
        detail: `${lie.label}: ${header} says ${String(lie.headers[header.toLowerCase()])}`,
        expected: [lie.attempts.at(-1)?.pod ?? "none"],
        observed: [String(lie.headers[header.toLowerCase()])],
      };
    },
  });
}

function ids(): Case {
  const REQUESTS = 6;
  const hex = (lab: Lab, words: number): string =>
    Array.from({ length: words }, () => (1 + lab.random.below(0xffff)).toString(16).padStart(4, "0")).join("");
  const atPod = ({ attempts }: Exchange, name: string): string | undefined =>
    attempts.at(-1)?.headers.find(([key]) => key.toLowerCase() === name)?.[1];
  return httpCase({
    id: "OBS-04",
    level: "SHOULD",
    requirement: "R-OBS-4",
    title: "A client's trace and request id SHOULD reach the pod, and ids that the router makes SHOULD be unique.",
    traffic: async (lab) => {
      for (let request = 0; request < REQUESTS; request++) {
        const traceparent = `00-${hex(lab, 8)}-${hex(lab, 4)}-01`;
        // The label keeps what was sent.
        await exchange(lab, { label: traceparent, headers: { traceparent }, reply: EMPTY_ANSWER });
        await exchange(lab, { label: "without an id", withoutId: true, reply: EMPTY_ANSWER });
      }
    },
    missing: unreached,
    finding: (exchanges) => {
      const traced = exchanges.filter(({ label }) => label !== "without an id");
      // A router that traces puts its own span in between: the trace stays the same.
      const lost = traced.find((each) => atPod(each, "traceparent")?.split("-")[1] !== each.label.split("-")[1]);
      if (lost !== undefined) {
        const arrived = atPod(lost, "traceparent") ?? "none";
        return { reason: "trace-lost", detail: `traceparent ${lost.label} arrived as ${arrived}` };
      }
      const made = exchanges.filter(({ label }) => label === "without an id");
      for (const idsMade of [
        made.map((each) => atPod(each, "x-request-id")),
        made.map(({ headers }) => headers["x-request-id"]?.toString()),
      ]) {
        const known = idsMade.filter((id) => id !== undefined);
        if (new Set(known).size < known.length) {
          return {
            reason: "request-ids-repeat",
            detail: "two requests without an id got the same one",
            observed: known,
          };
        }
      }
      return undefined;
    },
  });
}
