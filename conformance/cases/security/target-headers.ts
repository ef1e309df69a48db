/** SEC-01, SEC-02: where a request goes is the router's to say, not its client's. */
import type { Case } from "../../case.ts";
import { completionBody, EMPTY_ANSWER, exchange, httpOf, noted } from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { FALSE_POSITIVE_RATE, mostByChance } from "../../statistics/binomial.ts";

/** Headers by which gateways and schedulers tell each other, behind the client's back, where a request must go. */
const TARGET_HEADERS = [
  "x-gateway-destination-endpoint",
  "x-gateway-destination-endpoint-subset",
  "target-pod",
  "x-worker-id",
  "x-forwarded-host",
] as const;

const NAMED_TRIALS = 40;
const HITS = "requests-at-the-named-address";

export const targetHeaderCases: readonly Case[] = [
  httpCase({
    id: "SEC-01",
    level: "MUST",
    requirement: "R-SEC-1",
    title: "An address that a client names in a header MUST NOT get its request.",
    traffic: async (lab) => {
      const stranger = await httpOf(lab).openStranger();
      try {
        for (const name of TARGET_HEADERS) {
          await exchange(lab, { label: name, headers: { [name]: stranger.address }, reply: EMPTY_ANSWER });
        }
      } finally {
        stranger.close();
      }
      lab.note(HITS, stranger.hits());
    },
    missing: unreached,
    finding: (exchanges, _profile, observation) => {
      if (Number(noted(observation, HITS) ?? 0) === 0) return undefined;
      const steered = exchanges.filter(({ attempts }) => attempts.length === 0).map(({ label }) => label);
      return {
        reason: "client-steered-to-a-stranger",
        detail: `an address that is no pod got the request because a header of the client named it: ${steered.join(", ")}`,
        observed: steered,
      };
    },
  }),
  httpCase({
    id: "SEC-02",
    level: "SHOULD",
    requirement: "R-SEC-2",
    title: "A pod that a client names in a header SHOULD NOT get its requests more often than by chance.",
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      for (let trial = 0; trial < NAMED_TRIALS; trial++) {
        const pod = lab.random.pick(lab.pods());
        const headers = Object.fromEntries(TARGET_HEADERS.map((name) => [name, pods.address(pod)]));
        await exchange(lab, { label: pod, headers, body: completionBody(lab), reply: EMPTY_ANSWER });
      }
      lab.note("pods", lab.pods());
    },
    missing: unreached,
    finding: (exchanges, _profile, observation): Finding | undefined => {
      const pods = (noted(observation, "pods") ?? []) as readonly string[];
      const named = exchanges.filter(({ label, attempts }) => attempts.at(-1)?.pod === label).length;
      // The named pod is drawn anew each time, so that no habit of the router can meet it more often than by chance.
      const most = mostByChance(exchanges.length, 1 / pods.length);
      if (pods.length < 2 || named <= most) return undefined;
      return {
        reason: "client-steered-to-a-pod",
        detail: `${named} of ${exchanges.length} requests went to the pod their headers named; chance explains ${most} at ${FALSE_POSITIVE_RATE}`,
      };
    },
  }),
];
