/** Was every request answered by a pod that may answer it? */
import type { Judgement } from "../../judgement.ts";
import type { Observation, PodsStep } from "../../observation.ts";

/** Of a request that was sent while its owner refused connections. */
export const REFUSED = "refused";

/** Failures made on purpose, and requests sent before the router has converged. */
const UNJUDGED: ReadonlySet<string> = new Set(["upstream-error", REFUSED, "converge", "warm-up"]);

/** Healthy pods were there, and a request still got no answer from any. */
export function judgeService(observation: Observation): Judgement | undefined {
  let live: readonly string[] = [];
  let serving: PodsStep["serving"];
  for (const step of observation.steps) {
    if (step.kind === "pods") ({ pods: live, serving } = step);
    if (step.kind !== "sent" || live.length === 0 || UNJUDGED.has(step.label)) continue;
    const stray = step.attempts.find((pod) => serving?.[pod]?.includes(step.model) === false);
    if (stray !== undefined) {
      return {
        verdict: "fail",
        reason: "used-a-pod-without-the-model",
        detail: `${step.label} ${step.requestId} asked for ${step.model} and reached ${stray}, which serves ${serving?.[stray]?.join(", ")}`,
        expected: live.filter((pod) => serving?.[pod]?.includes(step.model) !== false),
        observed: [...step.attempts],
      };
    }
    if (step.status === 0 || step.status >= 500 || (step.pod === null && step.status < 400)) {
      return {
        verdict: "fail",
        reason: "request-not-served",
        detail: `${step.label} ${step.requestId} got status ${step.status} and reached ${step.attempts.join(", ") || "no pod"} although ${live.length} pods were ready`,
        expected: live,
        observed: [...step.attempts],
      };
    }
    if (step.status >= 400) {
      return {
        verdict: "inconclusive",
        reason: "request-refused",
        detail: `${step.label} ${step.requestId} was refused with status ${step.status}: does the adapter name a path and a model that this router serves?`,
      };
    }
  }
  return undefined;
}
