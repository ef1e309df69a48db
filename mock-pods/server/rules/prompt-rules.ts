/** The engine's own look at a prompt, of whichever request. */
import { badRequest } from "../../../fixtures/wire/errors.ts";
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";
import type { PodContext } from "../pod-context.ts";

/** The model may know more tokens than the tokenizer, which alone was asked before 0.11. */
export function highestPromptId({ settings, tokenizer }: PodContext): number {
  return settings.version.prompts.rules === "now" ? tokenizer.vocabSize - 1 : tokenizer.highestTokenId;
}

/** @throws {Refusal} The engine's own look at a prompt. */
export function checkPromptIds(ids: ArrayLike<number>, highestId: number): void {
  if (ids.length === 0) throw badRequest("The decoder prompt cannot be empty");
  let lowest: number | bigint = 0;
  let highest: number | bigint = -1;
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index] as number | bigint;
    if (id > highest) highest = id;
    if (id < lowest) lowest = id;
  }
  if (lowest < 0) throw badRequest(`Token id ${lowest} is out of vocabulary`);
  if (highest > highestId) throw badRequest(`Token id ${highest} is out of vocabulary`);
}

/** @throws {Refusal} Experts are told from a token of the prompt on; a dense model has none to tell, and looks all the same. */
export function checkExpertsStart(
  { routed_experts_prompt_start: start = 0 }: SamplingRequest,
  promptTokens: number,
): void {
  if (start <= promptTokens) return;
  throw badRequest(
    `routed_experts_prompt_start must be between 0 and the prompt length (${promptTokens}), inclusive.`,
    "routed_experts_prompt_start",
    String(start),
  );
}
