/** What vLLM reads from a generation request's headers. */
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";
import type { Exchange } from "../http/exchange.ts";
import type { PodContext } from "../pod-context.ts";
import { randomHex } from "../random-id.ts";

/** The header's id, else the body's, else a new one. */
export function baseRequestId({ settings }: PodContext, exchange: Exchange, request: SamplingRequest): string {
  return exchange.headers["x-request-id"] ?? request.request_id ?? randomHex(settings.version.answers.idDigits);
}

/** The header outranks the body; one that is no whole number is ignored. */
export function priorityOf(exchange: Exchange, request: SamplingRequest): number {
  const header = exchange.headers["x-vllm-priority"];
  if (header !== undefined && /^\s*[+-]?[0-9]+(_[0-9]+)*\s*$/.test(header)) return Number(header.replaceAll("_", ""));
  return request.priority ?? 0;
}
