/** What can be told to vLLM's engine, which is another process: no whole number beyond 64 bits, no half of a surrogate pair. */
import { badRequest, CaughtError, unencodable } from "../../../fixtures/wire/errors.ts";
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";

const LEAST = -(2n ** 63n);
const MOST = 2n ** 64n - 1n;

export function isSerial(value: unknown): boolean {
  if (typeof value === "bigint") return value >= LEAST && value <= MOST;
  if (value === null || typeof value !== "object") return true;
  return Object.values(value).every(isSerial);
}

/** @throws {Refusal} */
export function checkExtraArguments(...values: readonly unknown[]): void {
  if (values.every(isSerial)) return;
  throw badRequest("extra_args integers must be between -2**63 and 2**64 - 1.", "extra_args");
}

/** Looks at those numbers and texts alone that nothing else bounds: prompts are long. @throws {Refusal} */
export function checkTellable(request: SamplingRequest, id: string): void {
  const { top_k: topK, stream_interval: interval, repetition_detection: repetition, stop } = request;
  const texts = [id, ...(typeof stop === "string" ? [stop] : (stop ?? []))];
  if (![topK, interval, repetition].every(isSerial) || !texts.every(isTellable)) throw new CaughtError("");
}

/** @throws {Refusal} where texts are told to the engine as they came */
export function checkEncodable(texts: readonly string[]): void {
  for (const text of texts) {
    const refusal = text.isWellFormed() ? undefined : unencodable(JSON.stringify(text).slice(1));
    if (refusal !== undefined) throw refusal;
  }
}

function isTellable(text: string): boolean {
  return text.isWellFormed();
}
