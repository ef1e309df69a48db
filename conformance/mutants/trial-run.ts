/** Plays cases against a function router and judges them: the self-test's inner loop. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import type { Case, Judgement } from "../case.ts";
import { FunctionSession } from "../function-lab.ts";
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

/** Runs the cases in the given order on one router that is never restarted. */
export async function runOnFunction(
  cases: readonly Case[],
  router: FunctionRouter,
  profile: RouterProfile,
  seed: number,
): Promise<readonly CaseOutcome[]> {
  const session = new FunctionSession(router, profile);
  const outcomes: CaseOutcome[] = [];
  for (const testCase of cases) {
    const lab = session.lab(testCase.id, seed, testCase.needs.pods);
    await testCase.traffic(lab);
    await lab.settle();
    const observation = lab.observation();
    outcomes.push({ caseId: testCase.id, judgement: testCase.judge(observation, profile), observation });
  }
  return outcomes;
}
