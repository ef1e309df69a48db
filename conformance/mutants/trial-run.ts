/** Plays cases against a function router and judges them: the self-test's inner loop. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { type Case, withOtherThreshold } from "../case.ts";
import type { Judgement } from "../judgement.ts";
import { FunctionSession } from "../function-lab/function-session.ts";
import type { Observation } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";

export interface CaseOutcome {
  readonly caseId: string;
  readonly judgement: Judgement;
  readonly observation: Observation;
}

/** Cases that a function router with this profile supports. */
export const functionCases = (cases: readonly Case[], profile: RouterProfile): readonly Case[] =>
  cases.filter(({ needs, unsupported }) => needs.transport === "any" && unsupported(profile) === undefined);

/** Makes the router under trial; a threshold overrides its own. */
export type StartFunction = (threshold?: number) => FunctionRouter;

/** Runs the cases in the given order on one router that is never restarted, but for cases that ask for one of their own. */
export async function runOnFunction(
  cases: readonly Case[],
  start: StartFunction,
  profile: RouterProfile,
  seed: number,
): Promise<readonly CaseOutcome[]> {
  const session = new FunctionSession(start(), profile);
  const outcomes: CaseOutcome[] = [];
  for (const testCase of cases) {
    const lab = (testCase.needs.otherThreshold === true ? guest(start, profile) : session).lab(testCase, seed);
    await testCase.traffic(lab);
    await lab.drain();
    const observation = lab.observation();
    outcomes.push({ caseId: testCase.id, judgement: testCase.judge(observation, lab.profile), observation });
  }
  return outcomes;
}

function guest(start: StartFunction, declared: RouterProfile): FunctionSession {
  const profile = withOtherThreshold(declared);
  return new FunctionSession(start(profile.threshold?.value), profile);
}
