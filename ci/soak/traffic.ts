/** Users who ask, read, walk away and ask again: closed-loop, seeded, streamed and not, with shared and with new prefixes. */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, errors, request } from "undici";
import type { Random, RandomStream } from "../../fixtures/random.ts";
import { CORPUS_WORDS } from "../../conformance/corpus/words.ts";

/** Nobody waits longer. The router gives up on a silent pod long before. */
const PATIENCE_MS = 30_000;
const SHARED_PROMPTS = 200;
const SHARED_WORDS = 400;
const LEAVING_SHARE = 0.1;

/** How requests ended. `stuck` must not happen: neither an answer nor an error within a user's patience. */
export interface Outcomes {
  finished: number;
  /** Any status but 200. */
  refused: number;
  /** The connection broke, or the stream ended without `[DONE]`. */
  broken: number;
  /** The user left on purpose. */
  left: number;
  stuck: number;
}

export interface TrafficOptions {
  readonly url: string;
  readonly model: string;
  readonly random: Random;
  readonly users: number;
  readonly durationMs: number;
}

/** More than the router remembers of texts it has tokenised: 64 MiB, with 2.8 bytes a character. */
const FILLING_PROMPTS = 170;
const FILLING_WORDS = 40_000;

/**
 * Fills what the router remembers of prompts, which ordinary traffic would do in half an hour. The prompts are longer than
 * any pod takes: the router tokenises them, and a pod refuses.
 */
export async function fillRouter({
  url,
  model,
  random,
}: Pick<TrafficOptions, "url" | "model" | "random">): Promise<void> {
  const stream = random.stream("filling prompts");
  for (let sent = 0; sent < FILLING_PROMPTS; sent++) {
    const { statusCode, body } = await request(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, prompt: words(stream, FILLING_WORDS), max_tokens: 1 }),
    });
    const answer = await body.text();
    if (statusCode !== 400) throw new Error(`a prompt of ${FILLING_WORDS} words was answered ${statusCode}: ${answer}`);
  }
}

/** Counts into `outcomes` as it goes; resolves when every user has gone home. */
export async function runTraffic(options: TrafficOptions, outcomes: Outcomes): Promise<void> {
  const { users, random, durationMs } = options;
  const dispatcher = new Agent({ connections: users });
  const shared = random.stream("shared prompts");
  const prompts = Array.from({ length: SHARED_PROMPTS }, () => words(shared, SHARED_WORDS));
  const endMs = performance.now() + durationMs;
  const user = async (_: unknown, index: number): Promise<void> => {
    const stream = random.stream(`user ${index}`);
    while (performance.now() < endMs) {
      outcomes[await ask(options, dispatcher, stream, prompts)] += 1;
      await sleep(stream.below(200));
    }
  };
  await Promise.all(Array.from({ length: users }, user));
  await dispatcher.close();
}

async function ask(
  { url, model }: TrafficOptions,
  dispatcher: Agent,
  random: RandomStream,
  prompts: readonly string[],
): Promise<keyof Outcomes> {
  const head = random.next() < 0.8 ? random.pick(prompts) : words(random, 100 + random.below(SHARED_WORDS));
  const text = `${head} ${words(random, 1 + random.below(100))}`;
  const stream = random.next() < 0.6;
  const chat = random.next() < 0.5;
  const leavesAfterMs = random.next() < LEAVING_SHARE ? random.below(1_000) : undefined;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const leaving = leavesAfterMs === undefined ? undefined : AbortSignal.timeout(leavesAfterMs);
  try {
    const { statusCode, body } = await request(`${url}/v1/${chat ? "chat/" : ""}completions`, {
      dispatcher,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model,
        ...(chat ? { messages: [{ role: "user", content: text }] } : { prompt: text }),
        max_tokens: 8 + random.below(56),
        ignore_eos: true,
        stream,
      }),
      signal: leaving === undefined ? patience : AbortSignal.any([patience, leaving]),
    });
    const answer = await body.text();
    if (statusCode !== 200) return "refused";
    return !stream || answer.endsWith("data: [DONE]\n\n") ? "finished" : "broken";
  } catch (error) {
    if (leaving?.aborted === true) return "left";
    if (patience.aborted) return "stuck";
    if (error instanceof errors.UndiciError || (error as NodeJS.ErrnoException).code !== undefined) return "broken";
    throw error;
  }
}

function words(random: RandomStream, count: number): string {
  return Array.from({ length: count }, () => random.pick(CORPUS_WORDS)).join(" ");
}
