/** Plays a trace under virtual time: a router's decisions in front of real engines, as fast as the machine computes. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { tokenIds, type Trace, type TraceEntry } from "../../fixtures/traces/trace.ts";
import { createEngine } from "../../mock-pods/engine/create-engine.ts";
import type { StepOutput } from "../../mock-pods/engine/engine.ts";
import type { DrivenEngine } from "../../mock-pods/drivers/driver.ts";
import type { PodSettings } from "../../mock-pods/arguments/pod-settings.ts";
import { VirtualDriver } from "../../mock-pods/drivers/virtual-driver.ts";
import type { Played, PlayedPod, PlayedRequest } from "./played.ts";

const MODEL = "trace";

/** What an all-knowing strategy may see of a simulated pod. */
export interface SimulatedPodView {
  readonly kvUsageRatio: number;
  readonly pendingPrefillTokens: number;
  heldPrefixTokens(promptTokenIds: Int32Array, extra: { cacheSalt?: string; lora?: string }): number;
}

/** A router to be played, and what a reader calls it. */
export interface ReplayStrategy {
  readonly name: string;
  readonly makeRouter: (seed: number, lookAtPod: (name: string) => SimulatedPodView | undefined) => FunctionRouter;
}

export interface Replay {
  readonly trace: Trace;
  /** Pods are called `pod-0` and so on, in this order. */
  readonly pods: readonly PodSettings[];
  readonly seed: number;
}

/** `onProgress` hears how many requests have arrived. */
export function simulate(
  { trace, pods, seed }: Replay,
  strategy: ReplayStrategy,
  onProgress?: (arrived: number) => void,
): Played {
  const driver = new VirtualDriver();
  const fleet = new Map(
    pods.map((settings, index) => [`pod-${index}`, new SimulatedPod(`pod-${index}`, settings, driver)]),
  );
  const router = strategy.makeRouter(seed, (name) => fleet.get(name));
  for (const pod of fleet.values()) pod.router = router;
  router.setPods(
    [...fleet.values()].map(({ name, settings }) => ({ name, gpu: settings.profile.name })),
    0,
  );

  const requests: PlayedRequest[] = [];
  const arrive = (index: number): void => {
    const entry = trace.entries[index] as TraceEntry;
    const next = trace.entries[index + 1];
    if (next !== undefined) driver.at(next.atMs, () => arrive(index + 1));
    requests.push(route(entry, `r${index}`, router, fleet, driver.nowMs()));
    onProgress?.(index + 1);
  };
  if (trace.entries[0] !== undefined) driver.at(trace.entries[0].atMs, () => arrive(0));
  driver.run();
  return { requests, pods: [...fleet.values()].map((pod) => pod.played()) };
}

function route(
  entry: TraceEntry,
  requestId: string,
  router: FunctionRouter,
  fleet: ReadonlyMap<string, SimulatedPod>,
  nowMs: number,
): PlayedRequest {
  const prompt = tokenIds(entry.prompt);
  const [, replyTokens] = entry.reply;
  const decision = router.decide({ requestId, model: MODEL, prompt, maxTokens: replyTokens }, nowMs);
  const pod = decision.pod === null ? undefined : fleet.get(decision.pod);
  const request: PlayedRequest = {
    requestId,
    pod: decision.pod,
    reason: decision.reason,
    promptTokens: prompt.length,
    replyTokens,
    refused: pod !== undefined && isTooLong(prompt.length, replyTokens, pod.settings.engine.maxModelLen),
    arrivedMs: nowMs,
    cachedTokens: 0,
    firstTokenMs: NaN,
    finishedMs: NaN,
  };
  if (request.refused) router.finished(requestId, "error", nowMs);
  else pod?.submit(request, prompt, entry.reply[0]);
  return request;
}

/** As vLLM 0.32 sees it: a reply that does not fit beside its prompt is cut short, not refused. */
function isTooLong(promptTokens: number, replyTokens: number, maxModelLen: number): boolean {
  return promptTokens >= maxModelLen || replyTokens > maxModelLen;
}

interface Flight {
  readonly request: PlayedRequest;
  uncomputedPromptTokens: number;
}

class SimulatedPod implements SimulatedPodView {
  readonly name: string;
  readonly settings: PodSettings;
  router: FunctionRouter | undefined;
  readonly #engine: DrivenEngine;
  readonly #flights = new Map<string, Flight>();
  #pendingPrefillTokens = 0;

  constructor(name: string, settings: PodSettings, driver: VirtualDriver) {
    this.name = name;
    this.settings = settings;
    const engine = createEngine(settings.engine, settings.profile);
    // Nothing noted here happens in an uneventful run.
    this.#engine = driver.fastForward(engine, (step) => this.#stepped(step), { onRun: () => {} });
  }

  get kvUsageRatio(): number {
    return this.#engine.engine.stats().kvUsageRatio;
  }

  get pendingPrefillTokens(): number {
    return this.#pendingPrefillTokens;
  }

  heldPrefixTokens(promptTokenIds: Int32Array, { lora, ...salt }: { cacheSalt?: string; lora?: string }): number {
    const adapter = lora === undefined ? {} : { lora: { id: 1, name: lora, path: lora } };
    return this.#engine.engine.heldPrefixTokens(promptTokenIds, { ...salt, ...adapter });
  }

  submit(request: PlayedRequest, promptTokenIds: Int32Array, firstReplyId: number): void {
    const { requestId: id, promptTokens, replyTokens: maxTokens } = request;
    this.#flights.set(id, { request, uncomputedPromptTokens: promptTokens });
    this.#pendingPrefillTokens += promptTokens;
    this.#engine.submit({ id, promptTokenIds, maxTokens, sample: (index) => firstReplyId + index });
  }

  played(): PlayedPod {
    return { name: this.name, stats: this.#engine.engine.stats() };
  }

  #stepped({ endMs, admitted, scheduled, preempted, tokens }: StepOutput): void {
    for (const requestId of preempted) {
      const flight = this.#flights.get(requestId);
      if (flight !== undefined) this.#compute(flight, flight.uncomputedPromptTokens - flight.request.promptTokens);
    }
    for (const { requestId, cachedTokens, resumed } of admitted) {
      const flight = this.#flights.get(requestId);
      if (flight === undefined) continue;
      if (!resumed) flight.request.cachedTokens = cachedTokens;
      this.#compute(flight, cachedTokens);
    }
    for (const [requestId, computedTokens] of scheduled) {
      const flight = this.#flights.get(requestId);
      if (flight !== undefined) this.#compute(flight, computedTokens);
    }
    for (const { requestId, index, finishReason } of tokens) {
      const request = this.#flights.get(requestId)?.request;
      if (request === undefined) continue;
      if (index === 0) {
        request.firstTokenMs = endMs;
        this.router?.firstToken?.(requestId, endMs);
      }
      if (finishReason === undefined) continue;
      request.finishedMs = endMs;
      this.#flights.delete(requestId);
      this.router?.finished(requestId, "ok", endMs);
    }
  }

  /** Tokens of the prompt are done (or, when negative, undone by a preemption). What comes after it is decoding. */
  #compute(flight: Flight, tokens: number): void {
    const promptTokens = Math.min(tokens, flight.uncomputedPromptTokens);
    flight.uncomputedPromptTokens -= promptTokens;
    this.#pendingPrefillTokens -= promptTokens;
  }
}
