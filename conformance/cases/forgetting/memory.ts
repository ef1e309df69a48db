/** EVI-09: what a router keeps of prompts that never come back must not grow without end. */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, no } from "../claims.ts";
import { capacityChars, CELL_CHARS, sweepMs, ttlMs } from "./evict-claims.ts";
import { completionBody, EMPTY_ANSWER, httpOf, newRequestId, noted } from "../trials/exchange.ts";

const PROMPTS = 200_000;
const CLIENTS = 16;
/** Looks at the end of each half, of which the lowest counts: what waits to be collected is no leak. */
const LOOKS = 10;
const PROMPTS_PER_LOOK = 1_000;
const MOST_GROWTH = 0.1;
/** What a heap may grow by on its own: a third of the text of one half. */
const SLACK_BYTES = 40 * 2 ** 20;
const SIZES = "resident-bytes";

/** Resident before any prompt, after the first half of them, and after the second. */
type Sizes = readonly [atFirst: number, half: number, end: number];

export const memoryCases: readonly Case[] = [
  {
    id: "EVI-09",
    level: "SHOULD",
    requirement: "R-EVI-9",
    title: "Over 200,000 prompts that never come back, memory SHOULD stop growing once the declared limit is reached.",
    needs: { transport: "http", scriptedPods: true, slow: true, memory: true, anyPod: true, freshRouter: true },
    unsupported: all(
      claimed("evict.kind", ({ evict }) => evict?.kind === "ttl" || evict?.kind === "capacity"),
      (profile) =>
        mostChars(profile) > (PROMPTS / 2) * CELL_CHARS
          ? no("the index holds more than half of the prompts")
          : undefined,
    ),
    traffic: async (lab) => {
      const { router } = httpOf(lab);
      httpOf(lab).spoil();
      const sizes = [await router.memoryBytes()];
      for (let half = 0; half < 2; half++) {
        await sendFresh(lab, PROMPTS / 2 - LOOKS * PROMPTS_PER_LOOK);
        // All of this half is then forgotten; by a capacity it is so already.
        await lab.advance(1.2 * ttlMs(lab.profile) + sweepMs(lab.profile));
        const looks: number[] = [];
        for (let look = 0; look < LOOKS; look++) {
          await sendFresh(lab, PROMPTS_PER_LOOK);
          looks.push((await router.memoryBytes()) ?? 0);
        }
        sizes.push(Math.min(...looks));
      }
      lab.note(SIZES, sizes);
    },
    judge: judgeGrowth,
  },
];

/** Characters that the router may hold of these prompts at once. */
const mostChars = (profile: RouterProfile): number =>
  capacityChars(profile) * (profile.evict?.kind === "capacity" && profile.evict.per === "pod" ? 3 : 1);

async function sendFresh(lab: Lab, count: number): Promise<void> {
  const http = httpOf(lab);
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const id = newRequestId(lab);
      http.pods.script({ requestId: id, reply: EMPTY_ANSWER, times: 1 });
      await http.request({
        method: "POST",
        path: "/v1/completions",
        headers: { "x-request-id": id },
        body: completionBody(lab),
      });
      http.pods.forget(id);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

function judgeGrowth(observation: Observation): Judgement {
  const sizes = noted(observation, SIZES) as Sizes | undefined;
  if (sizes === undefined || sizes.some((bytes) => !(bytes > 0))) {
    return { verdict: "inconclusive", reason: "precondition-not-met", detail: "the router's memory could not be read" };
  }
  const [atFirst, half, end] = sizes;
  const detail = `resident ${mebibytes(atFirst)} at first, ${mebibytes(half)} after ${PROMPTS / 2} prompts, ${mebibytes(end)} after ${PROMPTS}`;
  if (end - half <= MOST_GROWTH * Math.max(0, half - atFirst) + SLACK_BYTES) return { verdict: "pass", detail };
  return { verdict: "fail", reason: "memory-keeps-growing", detail };
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
