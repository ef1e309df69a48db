/** What the router under test shows of itself, read where its adapter says it stands. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, request } from "undici";
import { expandText } from "../adapters/template.ts";
import type { HttpRouter, RouterAdapter } from "../adapters/router-under-test.ts";
import type { RouterView } from "./http-facilities.ts";

const PAGE_MS = 5_000;
const ASK_EVERY_MS = 20;

export function openRouterView(
  { observe = {}, podSeenBy, kvEvents }: RouterAdapter,
  of: { readonly router: HttpRouter; readonly agent: Agent },
): RouterView {
  const get = async (template: string): Promise<{ status: number; text: string }> => {
    const { address = (text: string) => expandText(text, { url: of.router.url }) } = of.router;
    try {
      const timeouts = { headersTimeout: PAGE_MS, bodyTimeout: PAGE_MS };
      const { statusCode, body } = await request(address(template), { dispatcher: of.agent, ...timeouts });
      return { status: statusCode, text: await body.text() };
    } catch {
      return { status: 0, text: "" };
    }
  };
  return {
    observe,
    podSeenBy,
    asksForReplays: kvEvents?.replay === true,
    metricsPage: async () => {
      const page = observe.metrics === undefined ? undefined : await get(observe.metrics.url);
      return page?.status === 200 ? page.text : undefined;
    },
    readiness: async (wanted, timeoutMs) => {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const { status } = await get(observe.readiness?.url ?? "{{url}}");
        const ready = status >= 200 && status < 300;
        if (ready === (wanted === "ready") || performance.now() >= deadline) return status;
        await sleep(ASK_EVERY_MS);
      }
    },
    memoryBytes: async () => of.router.memoryBytes?.(),
    logs: () => of.router.logs?.(),
  };
}
