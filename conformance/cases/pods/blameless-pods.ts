/** ERR-11, ERR-15: what clients do wrong, or leave, is not their pods' fault: a breaker that counts it lets one client shut out all. */
import type { Case, Level } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import type { Happening } from "../../observation.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import {
  EMPTY_ANSWER,
  EVENT_STREAM,
  exchange,
  exchangesOf,
  exchangeTogether,
  type Exchange,
  type ExchangeOptions,
  httpOf,
  newRequestId,
} from "../trials/exchange.ts";
import { goesOn, sayOn } from "../trials/abandoned-stream.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, DONE, streamed } from "../trials/stream-text.ts";

/** At once, so that whoever goes by load gets round to every pod. */
const AT_ONCE = 48;
const ROUNDS = 2;
const BEFORE = "before";
const MISDEED = "misdeed";
const AFTER_ONE = "after one pod had them all";
const AFTER_ALL = "after every pod had its share";
/** A pod that had this share of the traffic would be missed by the same traffic once in 10^6 runs. */
const LEAST_SHARE = 0.25;
const BAD_REQUEST = { kind: "respond", status: 400, body: ['{"error":{"message":"no","code":400}}'] } as const;
const BEGUN = "begun";

interface Blame {
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  /** What a client does that may end badly, by what its pod answers. */
  readonly asks: (lab: Lab) => Omit<ExchangeOptions, "label">;
  readonly ill: (gate: string) => PodScript["reply"];
  /** So that it ends well. */
  readonly well: PodScript["reply"];
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
    asks: () => ({}),
    ill: () => BAD_REQUEST,
    well: EMPTY_ANSWER,
    seen: "that pods refused with 400",
    reason: "client-errors",
    happenings: ["failed-answer"],
  }),
  blameless({
    id: "ERR-15",
    level: "MUST",
    requirement: "R-ERR-15",
    title: "Streams that their clients leave MUST NOT take a pod out of use.",
    asks: (lab) => ({ body: streamed(lab), onData: (_piece, soFar) => !Buffer.from(soFar).includes(BEGUN) }),
    // It has begun: nobody can say that it is its pod which is slow.
    ill: (gate) => goesOn(BEGUN, gate),
    well: { kind: "respond", status: 200, headers: EVENT_STREAM, body: [chunk("whole", "stop"), DONE] },
    seen: "whose clients left in mid-stream",
    reason: "clients-that-leave",
    missing: (exchanges) =>
      exchanges.some(({ label, end }) => label === MISDEED && end === "client-aborted")
        ? undefined
        : "no stream began that a client could leave",
  }),
];

function blameless({ asks, ill, well, seen, reason, happenings = [], missing, ...rest }: Blame): Case {
  /** Where `only` is named, what reaches another pod ends well. */
  const misdeed = async (lab: Lab, only?: string): Promise<void> => {
    const requestId = newRequestId(lab);
    const http = httpOf(lab);
    const gate = `after ${requestId}`;
    http.pods.script({ requestId, reply: well });
    http.pods.script({ requestId, reply: ill(gate), ...(only === undefined ? {} : { pod: only }) });
    await exchange(lab, { label: MISDEED, ...asks(lab) }, requestId);
    await sayOn(http, requestId, gate);
    http.pods.release(gate);
  };
  const misdeeds = async (lab: Lab, after: string, only?: string): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++)
      await Promise.all(Array.from({ length: AT_ONCE }, () => misdeed(lab, only)));
    await lab.quiet();
    await exchangeTogether(lab, AT_ONCE, after);
  };
  return httpCase({
    ...rest,
    needs: { anyPod: false, happenings },
    traffic: async (lab) => {
      await exchangeTogether(lab, AT_ONCE, BEFORE);
      const before = podsOf(exchangesOf(lab.observation()));
      // Who uses all pods again when none is left hides whom it blames.
      await misdeeds(lab, AFTER_ONE, lab.pods().toSorted((a, b) => timesIn(before, b) - timesIn(before, a))[0]);
      await misdeeds(lab, AFTER_ALL);
    },
    missing: (exchanges) => unreached(labelled(exchanges, BEFORE)) ?? missing?.(exchanges),
    finding: (exchanges) => {
      const before = labelled(exchanges, BEFORE);
      for (const after of [AFTER_ONE, AFTER_ALL]) {
        const lost = labelled(exchanges, after).find(({ status }) => status !== 200);
        if (lost !== undefined && before.every(({ status }) => status === 200)) {
          return {
            reason: `${reason}-end-service`,
            detail: `${after} of ${ROUNDS * AT_ONCE} requests ${seen}, a good one got status ${lost.status}`,
          };
        }
        const used = podsOf(labelled(exchanges, after));
        const missed = [...new Set(podsOf(before))].find(
          (pod) => timesIn(podsOf(before), pod) >= LEAST_SHARE * AT_ONCE && !used.includes(pod),
        );
        if (missed === undefined) continue;
        return {
          reason: `${reason}-close-a-pod`,
          detail: `${after} of ${ROUNDS * AT_ONCE} requests ${seen}, ${missed} got none of ${AT_ONCE} good ones`,
          observed: [...new Set(used)],
        };
      }
      return undefined;
    },
  });
}

const labelled = (exchanges: readonly Exchange[], label: string): readonly Exchange[] =>
  exchanges.filter((got) => got.label === label);

const podsOf = (exchanges: readonly Exchange[]): readonly string[] =>
  exchanges.flatMap(({ attempts }) => attempts.map(({ pod }) => pod));

const timesIn = (pods: readonly string[], pod: string): number => pods.filter((other) => other === pod).length;
