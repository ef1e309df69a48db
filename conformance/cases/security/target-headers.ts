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

/** How such a header may say where: as an address, or as the router itself would. */
const SPELLINGS = ["host:port", "url"] as const;
type Spelling = (typeof SPELLINGS)[number];

const spelt = (address: string, spelling: Spelling): string => (spelling === "url" ? `http://${address}` : address);

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
          for (const spelling of SPELLINGS) {
            const headers = { [name]: spelt(stranger.address, spelling) };
            await exchange(lab, { label: name, headers, reply: EMPTY_ANSWER });
          }
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
      const { pods, router } = httpOf(lab);
      // What it says of itself to clients, a client can say to it.
      const own = router.podSeenBy;
      for (let trial = 0; trial < SPELLINGS.length * NAMED_TRIALS; trial++) {
        const spelling = SPELLINGS[trial % SPELLINGS.length] ?? "url";
        const pod = lab.random.pick(lab.pods());
        const named = spelt(pods.address(pod), spelling);
        const headers = Object.fromEntries(TARGET_HEADERS.map((name) => [name, named]));
        if (own !== undefined)
          headers[own.header] =
            own.value === "name" ? pod : spelt(pods.address(pod), own.value === "url" ? "url" : "host:port");
        await exchange(lab, { label: `${spelling} ${pod}`, headers, body: completionBody(lab), reply: EMPTY_ANSWER });
      }
      lab.note("pods", lab.pods());
    },
    missing: unreached,
    finding: (exchanges, _profile, observation): Finding | undefined => {
      const pods = (noted(observation, "pods") ?? []) as readonly string[];
      if (pods.length < 2) return undefined;
      const found = SPELLINGS.map((spelling): Finding | undefined => {
        const asked = exchanges.filter(({ label }) => label.startsWith(`${spelling} `));
        const steered = asked.filter(({ label, attempts }) => label === `${spelling} ${attempts.at(-1)?.pod}`).length;
        // The named pod is drawn anew each time, so that no habit of the router can meet it more often than by chance.
        const rate = FALSE_POSITIVE_RATE / SPELLINGS.length;
        const most = mostByChance(asked.length, 1 / pods.length, rate);
        if (steered <= most) return undefined;
        return {
          reason: "client-steered-to-a-pod",
          detail: `${steered} of ${asked.length} requests went to the pod their headers named by ${spelling}; chance explains ${most} at ${rate}`,
        };
      });
      return found.find((finding) => finding !== undefined);
    },
  }),
];
