/** RND: random trees of prompts, held load and releases, every step checked by the oracle; a failing sequence is shrunk. */
import type { Case } from "../../case.ts";
import { mostExploration } from "../../router-profile.ts";
import type { RandomStream } from "../../../fixtures/random.ts";
import type { Held, Lab } from "../../lab.ts";
import type { SentStep } from "../../observation.ts";
import { allowed } from "../../oracle/allowed.ts";
import { claimed, prefixAware, all } from "../claims.ts";
import { inLooks, UNMET } from "../trials/looks.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { oneInTenBesides } from "../trials/probe-counts.ts";
import { judgeProbes } from "../trials/probes.ts";

type Operation =
  | { readonly kind: "send" | "hold"; readonly cells: readonly string[] }
  /** Releases the n-th request still held. */
  | { readonly kind: "release"; readonly which: number };

const SEQUENCES = 8;
const OPERATIONS = 40;
const MOST_HELD = 6;
const SHRINK_RUNS = 40;
const RULES = { minimumSharp: 40, strays: oneInTenBesides };

export const randomSequenceCases: readonly Case[] = [
  {
    id: "RND-01",
    level: "declared-MUST",
    requirement: "R-RND-1",
    title: "In random sequences of requests, each MUST go to a pod that the declared rule allows.",
    needs: { transport: "any", load: true },
    unsupported: all(
      prefixAware,
      claimed("gate (null when there is none)", ({ gate }) => gate !== undefined),
    ),
    traffic: async (lab) => {
      let shrunk = false;
      const once = async (): Promise<void> => {
        for (let sequence = 0; sequence < SEQUENCES && !shrunk; sequence++) {
          const operations = randomOperations(lab.random);
          const failed = await play(lab, operations);
          await lab.settle();
          shrunk = failed && mostExploration(lab.profile) === 0;
          if (shrunk) await shrink(lab, operations);
        }
      };
      await inLooks(lab, once, (observation) => judgeProbes(observation, lab.profile, RULES));
    },
    judge: (observation, profile) => {
      const judgement = judgeProbes(observation, profile, RULES);
      const shrunk = observation.steps.findLast((step) => step.kind === "note" && step.label === "shrunk");
      const held = observation.steps.some((step) => step.kind === "sent" && step.held);
      if (judgement.verdict === "pass" && !held) {
        return { verdict: "inconclusive", reason: UNMET, detail: "nothing was held open" };
      }
      if (judgement.verdict !== "fail" || shrunk?.kind !== "note") return judgement;
      return { ...judgement, detail: `${judgement.detail}; shortest failing sequence found: ${String(shrunk.data)}` };
    },
  },
];

/** Prompts are paths in a small random tree: few names per level make common prefixes of every length likely. */
function randomOperations(random: RandomStream): Operation[] {
  return Array.from({ length: OPERATIONS }, (): Operation => {
    const kind = random.pick(["send", "send", "hold", "hold", "release"] as const);
    if (kind === "release") return { kind, which: random.below(MOST_HELD) };
    const depth = random.below(7);
    const cells = Array.from({ length: depth }, (_, level) => `${random.pick(["a", "a", "b"])}${level}`);
    if (depth > 0 && random.below(4) === 0) cells.push(`${cells.pop()}:${random.pick(["0.25", "0.5", "0.75"])}`);
    return { kind, cells };
  });
}

/** Plays a sequence in a namespace of its own; true when a step went to a pod that the oracle does not allow. */
async function play(lab: Lab, operations: readonly Operation[]): Promise<boolean> {
  const namespace = lab.corpus.namespace();
  const held: Held[] = [];
  let wrong = false;
  for (const operation of operations) {
    if (operation.kind === "release" || (operation.kind === "hold" && held.length >= MOST_HELD)) {
      const which = operation.kind === "release" ? operation.which : 0;
      if (held.length > 0) await held.splice(which % held.length, 1)[0]?.release();
      if (operation.kind === "release") continue;
    }
    const prompt = namespace.prompt(operation.cells);
    const options = { label: probeLabel("any") };
    if (operation.kind === "hold") {
      const request = await lab.hold(prompt, options);
      held.push(request);
      wrong ||= isWrong(lab, request.step);
    } else {
      wrong ||= isWrong(lab, await lab.send(prompt, options));
    }
    if (wrong) break;
  }
  for (const request of held) await request.release();
  return wrong;
}

function isWrong(lab: Lab, step: SentStep): boolean {
  return step.pod === null || !allowed(lab.observation(), step, lab.profile).allowed.includes(step.pod);
}

/** Leaves out operations one by one, from the last, as long as the rest still fails in a fresh namespace. */
async function shrink(lab: Lab, operations: readonly Operation[]): Promise<void> {
  let shortest = operations;
  let runs = 0;
  for (let index = operations.length - 1; index >= 0 && runs < SHRINK_RUNS; index--) {
    const candidate = shortest.filter((_, position) => position !== index);
    if (candidate.length === shortest.length) continue;
    runs++;
    if (await play(lab, candidate)) shortest = candidate;
    await lab.settle();
  }
  lab.note("shrunk", shortest.map(inWords).join(", "));
}

function inWords(operation: Operation): string {
  if (operation.kind === "release") return `release ${operation.which}`;
  return `${operation.kind} ${["nonce", ...operation.cells].join(" ")}`;
}
