/** What a browser test of somebody's front end would do; bundled and run in Chromium by `msw.browser.loopback.test.ts`. */
import { setupWorker } from "msw/browser";
import OpenAI from "openai";
import { mockVllm } from "./msw.ts";

export interface PageReport {
  readonly texts: readonly string[];
  /** When the first of 2,000 tokens had come. */
  readonly runningAtFirstToken: number;
  readonly status: number;
  readonly runningAfterAbort: number;
  readonly journal: readonly (string | undefined)[];
}

async function run(): Promise<PageReport> {
  const { pod, handlers } = mockVllm("http://vllm.test", { profile: "a6000" });
  await setupWorker(...handlers).start({ onUnhandledFrame: "bypass", quiet: true });
  const client = new OpenAI({
    baseURL: "http://vllm.test/v1",
    apiKey: "none",
    maxRetries: 0,
    dangerouslyAllowBrowser: true,
  });
  const messages = [{ role: "user" as const, content: "hello" }];
  const stream = await client.chat.completions.create({ model: pod.model, messages, max_tokens: 8, stream: true });
  const texts: string[] = [];
  for await (const { choices } of stream) {
    if (choices[0]?.delta.content) texts.push(choices[0].delta.content);
  }
  const { status } = await fetch("http://vllm.test/metrics");
  const long = await client.chat.completions.create({ model: pod.model, messages, max_tokens: 2000, stream: true });
  let runningAtFirstToken = 0;
  for await (const { choices } of long) {
    if (!choices[0]?.delta.content) continue;
    runningAtFirstToken = pod.stats().running;
    break;
  }
  while (pod.stats().running > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  return {
    texts,
    runningAtFirstToken,
    status,
    runningAfterAbort: pod.stats().running,
    journal: pod.journal().map(({ ended }) => ended?.how),
  };
}

Object.assign(globalThis, { report: run() });
