import type { RouteRequest } from "../../fixtures/routing.ts";

/** Prompts share a cache only within one model, adapter and salt. JSON, because plainly joined names can collide. */
export function namespaceOf({ model, lora, cacheSalt }: RouteRequest): string {
  return JSON.stringify([model, lora, cacheSalt]);
}
