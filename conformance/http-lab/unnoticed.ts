/** Who learns, or unlearns, at the end of a response may not have done so when its client has the last byte. */
import type { Step } from "../observation.ts";
import { LATE_NOTICE_MS } from "../oracle/late-notice.ts";
import type { RouterProfile } from "../router-profile.ts";

/** Whether requests of this family ended so lately, in a way that the router learns from, that it may not have noticed. */
export function mayBeUnnoticed(
  steps: readonly Step[],
  nonce: string | undefined,
  { insert }: RouterProfile,
  nowMs: number,
): boolean {
  const { at, when } = insert ?? {};
  if (at !== "response" && when !== "success") return false;
  const family = new Set(
    steps.flatMap((step) => (step.kind === "sent" && step.prompt.cells[0] === nonce ? [step.requestId] : [])),
  );
  return steps.some((step) => {
    if (step.kind === "released") {
      const learns = at === "response" || step.outcome !== "ok";
      return learns && family.has(step.requestId) && nowMs - step.atMs < LATE_NOTICE_MS;
    }
    if (step.kind !== "sent" || step.held || !family.has(step.requestId)) return false;
    return (at === "response" || step.status !== 200) && nowMs - step.endMs < LATE_NOTICE_MS;
  });
}
