/**
 * A pod behind msw: `setupServer(...mockVllm("http://vllm.test").handlers)` in Node, `setupWorker` in a browser.
 *
 * msw sees the global `fetch` and `node:http`. It does not see undici's own clients (`request`, `Pool`, its `fetch`): what is
 * built on them takes the dispatcher of `routeproof/mock-pods/undici`.
 */
import { http, HttpResponse, type HttpHandler } from "msw/http";
import { createPod, type PodOptions } from "../pod/in-process.ts";
import type { InProcessPod } from "../pod/pod.ts";

export interface MockVllm {
  readonly pod: InProcessPod;
  readonly handlers: readonly HttpHandler[];
}

/** Answers everything below `url`, which need not resolve. `"*"` answers for every host. */
export function mockVllm(url: string, options: PodOptions = {}): MockVllm {
  const pod = createPod(options);
  const everything = `${url.replace(/\/+$/, "")}/*`;
  // A pod that refuses or resets is a network error to the client, not an error of the handler's.
  const answer = (request: Request) => pod.fetch(request).catch(() => HttpResponse.error());
  return { pod, handlers: [http.all(everything, ({ request }) => answer(request))] };
}

export type { InProcessPod, PodOptions };
