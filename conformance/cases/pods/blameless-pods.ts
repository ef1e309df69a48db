/** ERR-11, ERR-15: what clients do wrong, or leave, is not their pods' fault: a breaker that counts it lets one client shut out all. */
import type { Case, Level } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import type { Happening } from "../../observation.ts";
import { EVENT_STREAM, exchange, exchangeTogether, type Exchange } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, streamed } from "../trials/stream-text.ts";

/** At once, so that whoever goes by load gets round to every pod. */
const AT_ONCE = 48;
const ROUNDS = 2;
const BEFORE = "before";
const AFTER = "afterwards";
/** A pod that had this share of the traffic would be missed by the same traffic once in 10^6 runs. */
const LEAST_SHARE = 0.25;
const BAD_REQUEST = { kind: "respond", status: 400, body: ['{"error":{"message":"no","code":400}}'] } as const;
/** It has begun: nobody can say that it is its pod which is slow. */
const BEGUN = {
  kind: "respond",
  status: 200,
  headers: EVENT_STREAM,
  body: [chunk("begun"), { wait: "never" }],
} as const;

interface Blame {
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  readonly misdeed: (lab: Lab) => Promise<unknown>;
  /** What pods saw of clients: `refused with 400`. */
  readonly seen: string;
  /** As reason codes begin. */
  readonly reason: string;
  readonly happenings?: readonly Happening[];
  readonly missing?: (exchanges: readonly Exchange[]) => string | undefined;
}

export const blamelessPodCases: readonly Case[] = [
  blameless({
    id: "ERR-11",
    level: "MUST",
    requirement: "R-ERR-11",
    title: "Requests that pods refuse with a 4xx MUST NOT take a pod out of use.",
    misdeed: (lab) => exchange(lab, { label: "refused", reply: BAD_REQUEST }),
    seen: "that pods refused with 400",
    reason: "client-errors",
    happenings: ["failed-answer"],
  }),
  blameless({
    id: "ERR-15",
    level: "MUST",
    requirement: "R-ERR-15",
    title: "Streams that their clients leave MUST NOT take a pod out of use.",
    misdeed: (lab) => exchange(lab, { label: "left", body: streamed(lab), reply: BEGUN, onData: () => false }),
    seen: "whose clients left in mid-stream",
    reason: "clients-that-leave",
    missing: (exchanges) =>
      exchanges.some(({ label, end }) => label === "left" && end === "client-aborted")
        ? undefined
        : "no stream began that a client could leave",
  }),
];

function blameless({ misdeed, seen, reason, happenings = [], missing, ...rest }: Blame): Case {
  return httpCase({
    ...rest,
    needs: { anyPod: false, happenings },
    traffic: async (lab) => {
      await exchangeTogether(lab, AT_ONCE, BEFORE);
      for (let round = 0; round < ROUNDS; round++) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => misdeed(lab)));
      }
      await lab.quiet();
      await exchangeTogether(lab, AT_ONCE, AFTER);
    },
    missing: (exchanges) => unreached(exchanges.filter(({ label }) => label === BEFORE)) ?? missing?.(exchanges),
    finding: (exchanges) => {
      const labelled = (label: string): readonly Exchange[] => exchanges.filter((got) => got.label === label);
      const podsOf = (label: string): readonly string[] =>
        labelled(label).flatMap(({ attempts }) => attempts.map(({ pod }) => pod));
      const lost = labelled(AFTER).find(({ status }) => status !== 200);
      if (lost !== undefined && labelled(BEFORE).every(({ status }) => status === 200)) {
        return {
          reason: `${reason}-end-service`,
          detail: `after ${ROUNDS * AT_ONCE} requests ${seen}, a good one got status ${lost.status}`,
        };
      }
      const [before, after] = [podsOf(BEFORE), podsOf(AFTER)];
      const missed = [...new Set(before)].find(
        (pod) => before.filter((other) => other === pod).length >= LEAST_SHARE * AT_ONCE && !after.includes(pod),
      );
      if (missed === undefined) return undefined;
      return {
        reason: `${reason}-close-a-pod`,
        detail: `after ${ROUNDS * AT_ONCE} requests ${seen}, ${missed} got none of ${AT_ONCE} good ones`,
        observed: [...new Set(after)],
      };
    },
  });
}
