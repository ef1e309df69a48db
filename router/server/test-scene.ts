/** A running router in front of test pods, with a ledger for a decision unless told otherwise. */
import { Agent, request, type Dispatcher } from "undici";
import { LedgerRouter } from "./test-ledger-router.ts";
import { startRouter, type RouterOptions, type RunningRouter } from "./start-router.ts";
import { completion, startTestPod, type TestPod } from "./test-pod.ts";

export type Response = Dispatcher.ResponseData;

export interface Scene extends AsyncDisposable {
  readonly pods: readonly TestPod[];
  readonly ledger: LedgerRouter;
  readonly router: RunningRouter;
  /** A completion with this body, `completion("hi")` by default. */
  post(
    body?: string | Buffer,
    options?: {
      readonly headers?: Record<string, string | string[]>;
      readonly path?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<Response>;
  /** Status of a completion whose answer is thrown away. */
  status(): Promise<number>;
  /** What the admin port says of the pods. */
  podStates(): Promise<Record<string, unknown>[]>;
}

export async function scene(podCount: number, options: Partial<RouterOptions> = {}): Promise<Scene> {
  const client = new Agent();
  const pods = await Promise.all(Array.from({ length: podCount }, () => startTestPod()));
  const ledger = new LedgerRouter();
  const router = await startRouter({ router: ledger, pods: pods.map(({ url }) => ({ url })), probeMs: 50, ...options });
  const self: Scene = {
    pods,
    ledger,
    router,
    post: (body = completion("hi"), { path = "/v1/completions", headers = {}, signal } = {}) =>
      request(`${router.url}${path}`, {
        dispatcher: client,
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
        ...(signal === undefined ? {} : { signal }),
      }),
    status: async () => {
      const { statusCode, body } = await self.post();
      await body.dump();
      return statusCode;
    },
    podStates: async () => {
      const { body } = await request(`${router.adminUrl}/admin/pods`, { dispatcher: client });
      return ((await body.json()) as { pods: Record<string, unknown>[] }).pods;
    },
    [Symbol.asyncDispose]: async () => {
      await client.destroy();
      await router.close();
      for (const pod of pods) await pod[Symbol.asyncDispose]();
    },
  };
  return self;
}

/** Looks again until it holds; the test's own time limit ends what never does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
