/** No case passes on what did not happen: time that stood still, pods that stayed, failures that were none. */
import type { Case, Needs } from "../case.ts";
import { HAPPENINGS, type Observation } from "../observation.ts";

export function withStimulusCheck(each: Case): Case {
  return {
    ...each,
    judge: (observation, profile) => {
      const judgement = each.judge(observation, profile);
      const lacking = judgement.verdict === "pass" ? missingStimulus(observation, each.needs) : undefined;
      if (lacking === undefined) return judgement;
      return { verdict: "inconclusive", reason: "precondition-not-met", detail: lacking };
    },
  };
}

function missingStimulus({ steps, happened = [] }: Observation, needs: Needs): string | undefined {
  const lacking = needs.happenings?.find((happening) => !happened.includes(happening));
  if (lacking !== undefined) return HAPPENINGS[lacking];
  const left = steps.some((step) => step.kind === "released" && step.outcome === "aborted");
  if (needs.clientsLeave === true && !left) return "no client left";
  // The first of these steps is the state that the case found.
  const changes = steps.flatMap((step) => (step.kind === "pods" ? [step.change] : [])).slice(1);
  const missing = needs.podChanges?.find((change) => !changes.includes(change));
  if (missing !== undefined) return `the pods did not change (${missing})`;
  const movesTime = needs.clockMs !== undefined || needs.movableClock === true;
  if (movesTime && !steps.some(({ kind }) => kind === "advanced")) return "time was not moved";
  const wellServed = steps.some((step) => step.kind === "sent" && step.label === "upstream-error" && step.status < 400);
  return wellServed ? "a request that had to fail at its pod did not" : undefined;
}
