/** What a pod serves beside vLLM's inference API: its metrics, and `/__pod/` for tests that live in another process. */
import { text } from "../server/answer.ts";
import type { Route } from "../server/routes.ts";

/** What the routes may ask of the pod. */
export interface ControlledPod {
  metricsPage(): string;
}

/** `GET /metrics` names version 1.0.0 of the text format whatever the client accepts (vLLM 0.32 as recorded). */
const METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8";

export function controlRoutes(pod: ControlledPod): readonly Route[] {
  return [{ methods: ["GET"], path: "/metrics", handle: () => text(200, pod.metricsPage(), METRICS_TYPE) }];
}
