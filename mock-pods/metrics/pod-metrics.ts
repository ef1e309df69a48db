/**
 * What a pod counts, and the page it shows. The shell reports what happened; nothing is formatted until a scrape.
 *
 * Times are the pod's simulated ones. A request whose client went away counts as nothing: its tokens and time to first
 * token stay, no request histogram moves (vLLM 0.32 as recorded). Only an abort by the engine itself is counted.
 */
import type { DecodeRun, EngineStats, GenerationRequest, StepOutput, TokenOutput } from "../engine/engine.ts";
import { StepOrder } from "../engine/step-order.ts";
import { HttpMetrics } from "./http-metrics.ts";
import { type CallGroup, type LiveRequest, liveRequest } from "./live-request.ts";
import { LoraInfo } from "./lora-info.ts";
import { observe } from "./page-layout.ts";
import { processFacts } from "./process-facts.ts";
import { SleepMetrics, type SleepOperation } from "./sleep-metrics.ts";
import { type LayoutOptions, layoutsFor, type Layouts } from "./slots.ts";

export interface MetricsOptions extends LayoutOptions {
  /** Adapters that may run at once; absent when LoRA is off. */
  readonly maxLoras?: number;
  /** Unix time now, in seconds. */
  readonly unixSeconds: () => number;
}

/** States of sleep as the page names them, and one that it has no series for: only scheduling stopped. */
export type Wakefulness = (typeof WAKEFULNESS)[number] | "unscheduled";

const WAKEFULNESS = ["awake", "weights_offloaded", "discard_all"] as const;

export class PodMetrics {
  readonly http: HttpMetrics;
  readonly #sleep: SleepMetrics | undefined;
  readonly #layouts: Layouts;
  readonly #values: Float64Array;
  readonly #tail: Float64Array;
  readonly #lora: LoraInfo | undefined;
  readonly #live = new Map<string, LiveRequest>();
  readonly #options: MetricsOptions;
  readonly #order = new StepOrder(this.#live);
  #wakefulness: Wakefulness = "awake";
  /** Time between tokens, and how many in a row had it: all of a step, mostly. Not observed yet. */
  #gapMs = 0;
  #gaps = 0;

  constructor(options: MetricsOptions) {
    const { createdSeconds } = options;
    this.#layouts = layoutsFor(options);
    this.#options = options;
    this.#values = this.#layouts.engine.values(createdSeconds);
    this.#tail = this.#layouts.tail.values(createdSeconds);
    this.http = new HttpMetrics(createdSeconds, options.unixSeconds);
    this.#sleep = options.version.sleep ? new SleepMetrics(options.unixSeconds) : undefined;
    this.#lora = options.maxLoras === undefined ? undefined : new LoraInfo(options.maxLoras, options.unixSeconds);
    this.#values[this.#layouts.slots.startTime] = createdSeconds;
  }

  submitted(request: GenerationRequest, group: CallGroup | undefined, nowMs: number): void {
    this.#live.set(request.id, liveRequest(request, group, nowMs));
  }

  stepEnded(step: StepOutput): void {
    for (const { requestId, cachedTokens, resumed } of step.admitted) {
      const request = this.#live.get(requestId);
      if (request === undefined || resumed) continue;
      request.cachedTokens = cachedTokens;
      request.scheduledMs = step.startMs;
    }
    this.preempted(step.preempted);
    let iterationTokens = step.tokens.length;
    for (let place = 0; place < step.tokens.length; place++) {
      const output = step.tokens[place] as TokenOutput;
      const request = this.#order.find(place, output.requestId);
      if (request !== undefined) iterationTokens += this.#token(request, output, step.endMs);
    }
    this.#order.forgetFrom(step.tokens.length);
    this.#observeGaps();
    // A step without outputs, in the middle of a long prefill, is no iteration to vLLM's front end.
    if (step.tokens.length > 0) observe(this.#values, this.#layouts.slots.iterationTokens, iterationTokens);
  }

  /** Counts as {@link stepEnded} does for each of its steps. */
  runEnded({ requests, stepEndsMs }: DecodeRun): void {
    const firstMs = stepEndsMs[0] as number;
    const lastMs = stepEndsMs.at(-1) as number;
    let known = 0;
    for (const { id } of requests) {
      const request = this.#live.get(id);
      if (request === undefined) continue;
      known += 1;
      this.#gap(firstMs - request.lastTokenMs);
      request.lastTokenMs = lastMs;
      request.outputTokens += stepEndsMs.length;
    }
    this.#observeGaps();
    const { slots } = this.#layouts;
    for (const [step, endMs] of stepEndsMs.entries()) {
      if (step > 0) observe(this.#values, slots.interToken, (endMs - (stepEndsMs[step - 1] as number)) / 1000, known);
      observe(this.#values, slots.iterationTokens, requests.length);
    }
    this.#add(slots.generationTokens, known * stepEndsMs.length);
  }

  /** By a step, or by a reset. It is told with the request's next token, and of one that gets none never. */
  preempted(requestIds: readonly string[]): void {
    for (const id of requestIds) {
      const request = this.#live.get(id);
      if (request !== undefined) request.untoldPreemptions += 1;
    }
  }

  /** The client went away, or the call was refused after some of its parts were admitted. */
  dropped(requestIds: readonly string[]): void {
    for (const id of requestIds) {
      const request = this.#live.get(id);
      if (request !== undefined) this.#forget(request);
    }
  }

  /** Ended by a stop string that the front end found, or by the engine's own abort (pause in mode abort, shutdown). */
  ended(requestIds: readonly string[], reason: "stop" | "abort", nowMs: number): void {
    for (const id of requestIds) {
      const request = this.#live.get(id);
      if (request !== undefined) this.#finish(request, reason, nowMs);
    }
  }

  refused(reason: "max_num_queued_reqs" | "max_num_queued_tokens"): void {
    this.#add(this.#layouts.slots.refused[reason], 1);
  }

  /** `awake` says how it is afterwards; undefined for as before. */
  slept(operation: SleepOperation, awake: Wakefulness | undefined, durationMs: number): void {
    this.#wakefulness = awake ?? this.#wakefulness;
    this.#sleep?.done(operation, durationMs);
  }

  /** A step, in a run or not, ended this much later than planned because the machine was busy. */
  stepped(lateSeconds: number): void {
    observe(this.#tail, this.#layouts.slots.late, lateSeconds);
    this.#lora?.stepped();
  }

  render(stats: EngineStats): string {
    const { slots, engine, cacheConfig, tail } = this.#layouts;
    const values = this.#values;
    values[slots.running] = stats.running;
    values[slots.waiting] = stats.waiting;
    values[slots.waitingCapacity] = stats.waiting - stats.deferred;
    values[slots.waitingDeferred] = stats.deferred;
    for (const [level, slot] of slots.sleepState.entries())
      values[slot] = WAKEFULNESS[level] === this.#wakefulness ? 1 : 0;
    values[slots.kvUsage] = this.#usageRatio(stats);
    values[slots.queries] = stats.prefixQueriesTokens;
    values[slots.hits] = stats.prefixHitsTokens;
    values[slots.hitRate] = this.#options.cache.prefixCaching
      ? stats.prefixHitsTokens / Math.max(1, stats.prefixQueriesTokens)
      : -1;
    values[slots.cpuHitRate] = -1;
    values[slots.python] = 1;
    const { residentBytes, cpuSeconds } = processFacts();
    values[slots.residentBytes] = residentBytes;
    values[slots.virtualBytes] = 4 * residentBytes;
    values[slots.cpuSeconds] = cpuSeconds;
    values[slots.openFds] = 34;
    values[slots.maxFds] = 1_048_576;
    return (
      engine.render(values) +
      (this.#lora?.render() ?? "") +
      cacheConfig +
      (this.#options.version.serverFamilies ? this.http.render() : "") +
      (this.#layouts.toolParser ?? "") +
      (this.#sleep?.render() ?? "") +
      tail.render(this.#tail)
    );
  }

  #usageRatio({ kvUsageRatio }: EngineStats): number {
    const { cache, version } = this.#options;
    if (!version.nullBlockUsed) return kvUsageRatio;
    return (kvUsageRatio * (cache.totalBlocks - 1) + 1) / cache.totalBlocks;
  }

  /** Returns the prompt tokens that this output's first token makes count as computed. */
  #token(request: LiveRequest, { finishReason }: TokenOutput, nowMs: number): number {
    const { slots } = this.#layouts;
    let computedTokens = 0;
    const isFirst = request.firstTokenMs === undefined;
    if (isFirst) {
      request.firstTokenMs = nowMs;
      computedTokens = request.promptTokens - request.cachedTokens;
      this.#add(slots.promptTokens, request.promptTokens);
      this.#add(slots.promptComputed, computedTokens);
      this.#add(slots.promptHit, request.cachedTokens);
      this.#add(slots.promptCached, request.cachedTokens);
      this.#add(slots.promptCachedDevice, request.cachedTokens);
      observe(this.#values, slots.firstToken, (nowMs - request.arrivedMs) / 1000);
      if (request.lora !== undefined) this.#lora?.firstToken(request.lora);
    } else {
      this.#gap(nowMs - request.lastTokenMs);
    }
    request.lastTokenMs = nowMs;
    request.outputTokens += 1;
    if (request.untoldPreemptions > 0) this.#tellPreemptions(request);
    this.#add(slots.generationTokens, 1);
    if (finishReason !== undefined) this.#finish(request, finishReason, nowMs);
    return this.#options.version.iterationHits && isFirst ? request.promptTokens : computedTokens;
  }

  #gap(gapMs: number): void {
    if (gapMs !== this.#gapMs) this.#observeGaps();
    this.#gapMs = gapMs;
    this.#gaps += 1;
  }

  #observeGaps(): void {
    if (this.#gaps > 0) observe(this.#values, this.#layouts.slots.interToken, this.#gapMs / 1000, this.#gaps);
    this.#gaps = 0;
  }

  #finish(request: LiveRequest, reason: "stop" | "length" | "abort", nowMs: number): void {
    const { slots } = this.#layouts;
    const values = this.#values;
    const scheduledMs = request.scheduledMs ?? nowMs;
    const firstTokenMs = request.firstTokenMs ?? nowMs;
    const decodeMs = request.lastTokenMs - firstTokenMs;
    this.#add(slots.finished[reason], 1);
    observe(values, slots.requestPrompt, request.promptTokens);
    observe(values, slots.requestGeneration, request.outputTokens);
    observe(values, slots.requestMaxTokens, request.maxTokens);
    observe(values, slots.perToken, request.outputTokens > 1 ? decodeMs / (request.outputTokens - 1) / 1000 : 0);
    observe(values, slots.endToEnd, (nowMs - request.arrivedMs) / 1000);
    observe(values, slots.queued, (scheduledMs - request.arrivedMs) / 1000);
    observe(values, slots.inference, Math.max(0, request.lastTokenMs - scheduledMs) / 1000);
    observe(values, slots.prefill, (firstTokenMs - scheduledMs) / 1000);
    observe(values, slots.decode, decodeMs / 1000);
    observe(values, slots.requestPreemptions, request.preemptions);
    observe(values, slots.requestComputed, request.promptTokens - request.cachedTokens);
    const { group } = request;
    const open = group === undefined ? 0 : (group.open -= 1);
    const longestTokens = Math.max(request.outputTokens, group?.longestTokens ?? 0);
    if (group !== undefined) group.longestTokens = longestTokens;
    if (open === 0) {
      observe(values, slots.longestOutput, longestTokens);
      observe(values, slots.n, group?.n ?? 1);
    }
    this.#forget(request);
  }

  #tellPreemptions(request: LiveRequest): void {
    this.#add(this.#layouts.slots.preemptions, request.untoldPreemptions);
    request.preemptions += request.untoldPreemptions;
    request.untoldPreemptions = 0;
  }

  #forget(request: LiveRequest): void {
    this.#live.delete(request.id);
    if (request.outputTokens > 0 && request.lora !== undefined) this.#lora?.ended(request.lora);
  }

  #add(slot: number, amount: number): void {
    (this.#values[slot] as number) += amount;
  }
}
