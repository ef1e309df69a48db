/** vLLM's caps on what may be in flight (`--max-num-queued-reqs`, `--max-num-queued-tokens`). */
import { Refusal } from "../../../fixtures/wire/errors.ts";
import type { PodContext } from "../pod-context.ts";

/**
 * Both caps refuse only when they are reached already; a call's own prompts are not looked at. `samples` counts as so
 * many requests, but alone on an idle pod a call may reach the cap.
 *
 * @throws {Refusal} 503
 */
export function admit(pod: PodContext, samples: number): void {
  const { maxQueuedRequests, maxQueuedTokens } = pod.settings;
  if (maxQueuedRequests !== undefined && pod.hub.openRequests + samples > maxQueuedRequests) {
    pod.engine.refused("max_num_queued_reqs");
    throw unavailable("The engine is currently busy and cannot accept new requests.");
  }
  if (maxQueuedTokens !== undefined && pod.hub.queuedTokens >= maxQueuedTokens) {
    pod.engine.refused("max_num_queued_tokens");
    throw unavailable("The engine has reached its prefill token backlog limit.");
  }
}

function unavailable(reason: string): Refusal {
  return new Refusal(503, "Service Unavailable", `${reason} Please try again later or on a different instance.`);
}
