import type { RouteRequest } from "../../../fixtures/routing.ts";

type Parts = Pick<RouteRequest, "model" | "lora" | "cacheSalt">;

/** Prompts share a cache only within one model, adapter and salt. JSON, because plainly joined names can collide. */
export function namespaceOf({ model, lora, cacheSalt }: Parts): string {
  return JSON.stringify([model, lora, cacheSalt]);
}

/** What {@link namespaceOf} joined. */
export function partsOf(namespace: string): Parts {
  const [model, lora, cacheSalt] = JSON.parse(namespace) as [string, string | null, string | null];
  return { model, ...(lora === null ? {} : { lora }), ...(cacheSalt === null ? {} : { cacheSalt }) };
}
