/** Hands what the engine's steps produce to the calls that wait for it. */
import type { DecodePlan, GenerationRequest, StepOutput, TokenOutput } from "../../engine/engine.ts";
import { StepOrder } from "../../engine/step-order.ts";
import type { CallGroup } from "../../metrics/live-request.ts";
import type { EngineGate } from "../engine-gate.ts";
import type { Call, Generation } from "./generation.ts";

export class GenerationHub {
  readonly #engine: EngineGate;
  readonly #onIdle: (() => void)[] = [];
  readonly #open = new Map<string, Generation>();
  readonly #order = new StepOrder(this.#open);

  constructor(engine: EngineGate) {
    this.#engine = engine;
  }

  /** Requests in flight, running or waiting. */
  get openRequests(): number {
    return this.#open.size;
  }

  /** Resolves when nothing is in flight, or after `timeoutMs` real milliseconds. */
  idle(timeoutMs?: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      if (timeoutMs === undefined) return void this.#onIdle.push(resolve);
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Prompt tokens of requests that have no token yet. */
  get queuedTokens(): number {
    let tokens = 0;
    for (const generation of this.#open.values()) {
      if (generation.tokens === 0) tokens += generation.promptTokens;
    }
    return tokens;
  }

  /** `group` is shared by the samples of one prompt. */
  submit(generation: Generation, call: Call, group: CallGroup): void {
    generation.call = call;
    this.#open.set(generation.id, generation);
    this.#engine.submit(generation.plan.request, group);
  }

  /** The client left: nothing more is told to its call. */
  drop(generations: readonly Generation[]): void {
    const ids = generations.map(({ id }) => id).filter((id) => this.#open.delete(id));
    if (ids.length > 0) this.#engine.abort(ids);
    this.#settle();
  }

  /** The engine ends everything: calls are answered with what there is. */
  abortAll(): void {
    this.#abort([...this.#open.values()], "abort");
  }

  /**
   * Ends the requests of these names, or all there are, at a client's wish, which the metrics do not count. Returns how
   * many vLLM tracks of them: the samples, and one more for each prompt of several.
   */
  abortNamed(names?: ReadonlySet<string>): number {
    const open = [...this.#open.values()].filter(({ plan }) => names?.has(plan.externalId) ?? true);
    const several = Map.groupBy(open, ({ plan }) => plan.externalId);
    this.#abort(open);
    return open.length + [...several.values()].filter((samples) => samples.length > 1).length;
  }

  #abort(open: readonly Generation[], as?: "abort"): void {
    const ids = open.map(({ id }) => id);
    for (const id of ids) this.#open.delete(id);
    this.#engine.abort(ids, as);
    for (const generation of open) generation.abort();
    tell(open);
    this.#settle();
  }

  onStep(step: StepOutput): void {
    for (const { requestId, cachedTokens } of step.admitted) {
      const generation = this.#open.get(requestId);
      if (generation === undefined || generation.admitted) continue;
      generation.admitted = true;
      generation.cachedTokens = cachedTokens;
    }
    const changed: Generation[] = [];
    const stopped: string[] = [];
    for (let place = 0; place < step.tokens.length; place++) {
      const output = step.tokens[place] as TokenOutput;
      const generation = this.#order.find(place, output.requestId);
      if (generation === undefined) continue;
      if (output.finishReason === undefined && generation.tellAtOnce(output.tokenId)) continue;
      if (generation.accept(output)) stopped.push(generation.id);
      changed.push(generation);
    }
    this.#order.forgetFrom(step.tokens.length);
    this.#tellChanged(changed, stopped);
  }

  /** Hears of the steps of a run, each as it ends. */
  follow({ requests, firstIndexes }: DecodePlan): (step: number) => void {
    const generations = requests.map(({ id }) => this.#open.get(id));
    const samples = requests.map(({ sample }) => sample);
    return (step) => {
      const changed: Generation[] = [];
      const stopped: string[] = [];
      for (let place = 0; place < generations.length; place++) {
        const generation = generations[place];
        if (generation === undefined) continue;
        const sample = samples[place] as GenerationRequest["sample"];
        const tokenId = sample((firstIndexes[place] as number) + step);
        if (generation.tellAtOnce(tokenId)) continue;
        if (generation.accept({ tokenId })) stopped.push(generation.id);
        changed.push(generation);
      }
      if (changed.length > 0) this.#tellChanged(changed, stopped);
    };
  }

  /** Each took a token that is not told yet. Those who stopped by it end before the engine says so. */
  #tellChanged(changed: readonly Generation[], stopped: readonly string[]): void {
    for (const { id, finishReason } of changed) if (finishReason !== undefined) this.#open.delete(id);
    if (stopped.length > 0) this.#engine.abort(stopped, "stop");
    tell(changed);
    this.#settle();
  }

  #settle(): void {
    if (this.#open.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

/** Each call once, in the order of the first of its generations. Most calls have one, which needs no list of its own. */
function tell(changed: readonly Generation[]): void {
  const several = new Map<Call, Generation[]>();
  for (const generation of changed) {
    const { call } = generation;
    if (call === undefined || call.generations.length === 1) continue;
    const list = several.get(call);
    if (list === undefined) several.set(call, [generation]);
    else list.push(generation);
  }
  for (const { call } of changed) {
    if (call === undefined) continue;
    if (call.generations.length === 1) {
      call.onProgress(call.generations);
    } else {
      const list = several.get(call);
      several.delete(call);
      if (list !== undefined) call.onProgress(list);
    }
  }
}
