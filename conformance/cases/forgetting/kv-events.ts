/**
 * EVI-10: a router that goes by KV events knows what pods hold, and nothing else.
 *
 * Prompts are sent straight to a pod, past the router: it can know of them by the pod's events alone. Then the pod loses
 * what it holds, and says so. On the way its events arrive twice, late, or not at all.
 */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { CacheLoss, EventTrouble } from "../../http-lab/scripted-pods.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import { allowed } from "../../oracle/allowed.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { inDigits } from "../../statistics/judge-counts.ts";
import { makeBusy } from "../trials/busy.ts";
import { all, busyOwner, claimed, coldReachable, loadDecides, matchesPrefixes } from "../claims.ts";
import { completionBody, httpOf } from "../trials/exchange.ts";
import { inLooks, UNMET } from "../trials/looks.ts";
import { judgeService } from "../trials/judge-service.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { trunk } from "../trials/shape.ts";

interface Trial {
  readonly trouble?: EventTrouble;
  readonly loss: CacheLoss;
  /** What went wrong when the prompt is not followed to the pod that holds it; and when it is after the loss. */
  readonly notFollowed: string;
  readonly stillFollowed: string;
}

const TRIALS: readonly Trial[] = [
  { loss: "AllBlocksCleared", notFollowed: "stored-blocks-not-followed", stillFollowed: "cleared-blocks-followed" },
  { loss: "BlockRemoved", notFollowed: "stored-blocks-not-followed", stillFollowed: "removed-blocks-followed" },
  {
    trouble: "duplicated",
    loss: "BlockRemoved",
    notFollowed: "stored-blocks-not-followed",
    stillFollowed: "repeated-events-counted-twice",
  },
  {
    trouble: "reordered",
    loss: "AllBlocksCleared",
    notFollowed: "late-events-dropped",
    stillFollowed: "cleared-blocks-followed",
  },
  {
    trouble: "lost",
    loss: "BlockRemoved",
    notFollowed: "lost-events-not-replayed",
    stillFollowed: "removed-blocks-followed",
  },
];

const DEFAULT_EVENT_MS = 1_000;
const MOST_MARKERS = 5;
const ASKED = "asked";

/** What the next probe is for, and what its pod holds of the prompt by then. */
interface Asked {
  readonly trial: number;
  /** After the events that report it stored; after those that report it gone. */
  readonly branch: "owner" | "load";
  readonly pod: string;
  readonly cachedTokens: number;
}

export const kvEventCases: readonly Case[] = [
  {
    id: "EVI-10",
    level: "declared-MUST",
    requirement: "R-EVI-10",
    title:
      "A prefix MUST be followed once a pod's KV events report it stored, and no longer once they report it gone; events MAY come twice, late, or be replayed.",
    needs: { transport: "http", scriptedPods: true, happenings: ["event-trouble"], load: true, kvEvents: true },
    unsupported: all(
      matchesPrefixes,
      loadDecides,
      busyOwner,
      coldReachable,
      claimed("insert.at kv-event", ({ insert }) => insert?.at === "kv-event"),
      claimed("evict.kind kv-events", ({ evict }) => evict?.kind === "kv-events"),
    ),
    traffic: async (lab) => {
      const { router } = httpOf(lab);
      const once = async (): Promise<void> => {
        for (const [index, trial] of TRIALS.entries()) {
          // Only a router that was told where to ask for it can know what was lost.
          if (trial.trouble !== "lost" || router.asksForReplays) await runTrial(lab, index, trial);
        }
      };
      await inLooks(lab, once, (observation) => judge(observation, lab.profile));
    },
    judge,
  },
];

async function runTrial(lab: Lab, trial: number, { trouble, loss }: Trial): Promise<void> {
  const { pods } = httpOf(lab);
  const pod = lab.random.pick(lab.pods());
  const prompt = trunk(lab.corpus.namespace(), 4);
  const ask = async (branch: Asked["branch"]): Promise<void> => {
    await makeBusy(lab, pod);
    await untilHeard(lab, pod);
    await lab.quiet();
    lab.note(ASKED, { trial, branch, pod, cachedTokens: pods.cachedTokens(pod, prompt.text) } satisfies Asked);
    await lab.send(prompt, { label: probeLabel(branch) });
    await lab.settle();
  };
  pods.troubleEvents(pod, trouble);
  await compute(lab, pod, prompt);
  pods.troubleEvents(pod, undefined);
  // What was held back follows the next batch, and what was lost leaves a gap before it.
  await compute(lab, pod, trunk(lab.corpus.namespace(), 1));
  await ask("owner");
  await pods.loseCache(pod, loss);
  // Engines publish when they step.
  await compute(lab, pod, trunk(lab.corpus.namespace(), 1));
  await ask("load");
}

/**
 * Events come in order: once a prompt is followed that this busy pod computed last, all before it has been heard of. A
 * router that never follows is asked some times, and then judged.
 */
async function untilHeard(lab: Lab, pod: string): Promise<void> {
  for (let tries = 0; tries < MOST_MARKERS; tries++) {
    const marker = trunk(lab.corpus.namespace(), 1);
    await compute(lab, pod, marker);
    await httpOf(lab).wait(lab.profile.insert?.eventMs ?? DEFAULT_EVENT_MS);
    if ((await lab.send(marker, { label: "marker" })).pod === pod) return;
  }
}

/** Past the router. */
async function compute(lab: Lab, pod: string, { text }: Prompt): Promise<void> {
  const body = completionBody(lab, { prompt: text, max_tokens: 1 });
  await httpOf(lab).request({ pod, method: "POST", path: "/v1/completions", body });
}

function judge(observation: Observation, profile: RouterProfile): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  /** Probes that were made, and whether one of them could tell a right answer from a wrong one. */
  const sharp = new Map<string, boolean>();
  let [told, luck] = [0, 1];
  let asked: Asked | undefined;
  for (const step of observation.steps) {
    if (step.kind === "note" && step.label === ASKED) asked = step.data as Asked;
    if (step.kind !== "sent" || asked === undefined || step.label !== probeLabel(asked.branch)) continue;
    const { branch, pod, cachedTokens } = asked;
    const trial = TRIALS[asked.trial];
    if (trial === undefined) continue;
    // Told from a router that goes by load, and from one that follows, only while the pod is surely the busiest.
    const { cold, livePods } = allowed(observation, step, profile);
    const isSharp = !cold.includes(pod) && (branch === "owner") === cachedTokens > 0;
    const probe = `${branch}, ${trial.trouble ?? "plain"}, ${trial.loss}`;
    sharp.set(probe, isSharp || sharp.get(probe) === true);
    if (!isSharp) continue;
    told++;
    luck *= (branch === "owner" ? 1 : cold.length) / livePods.length;
    if ((step.pod === pod) === (branch === "owner")) continue;
    const events = trial.trouble === undefined ? "its events" : `its events, ${trial.trouble} on the way,`;
    return {
      verdict: "fail",
      reason: branch === "owner" ? trial.notFollowed : trial.stillFollowed,
      detail:
        branch === "owner"
          ? `${pod} held ${cachedTokens} tokens of the prompt and ${events} said so; ${step.requestId} went to ${step.pod ?? "no pod"}`
          : `${pod} had lost the prompt and said so by ${trial.loss}; ${step.requestId} still went there, the busiest pod`,
      expected: branch === "owner" ? [pod] : cold,
      observed: [step.pod ?? "none"],
    };
  }
  const blunt = [...sharp].find(([, isSharp]) => !isSharp);
  const power = `${inDigits(1 - luck)} against a router that guesses`;
  const statistic = { n: told, observed: 0, bound: "fails above 0", falsePositiveRate: 0, power };
  if (blunt === undefined && sharp.size > 0) return { verdict: "pass", statistic };
  return {
    verdict: "inconclusive",
    reason: UNMET,
    detail: `no probe could tell a right answer from a wrong one: ${blunt?.[0] ?? "none was made"}`,
  };
}
