/** No case passes on what did not happen: time that stood still, pods that stayed, failures that were none. */
import type { Case, Needs } from "../case.ts";
import type { Observation } from "../observation.ts";

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

function missingStimulus({ steps }: Observation, needs: Needs): string | undefined {
  const changes = steps.filter(({ kind }) => kind === "pods");
  if (needs.podChanges === true && changes.length < 2) return "the pods did not change";
  if (needs.clock === true && !steps.some(({ kind }) => kind === "advanced")) return "time was not moved";
  const wellServed = steps.some((step) => step.kind === "sent" && step.label === "upstream-error" && step.status < 400);
  return wellServed ? "a request that had to fail at its pod did not" : undefined;
}
