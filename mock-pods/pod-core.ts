/**
 * A pod without a port: an HTTP face, an engine, and what they counted. Its journal and hooks outlive a crash; engine,
 * cache and metrics start anew. It runs wherever JavaScript does: nothing here, or below, imports a module of Node's.
 */
import type { ModelTokenizer } from "../fixtures/tokenizer/model-tokenizer.ts";
import { controlRoutes } from "./control/control-routes.ts";
import { createEngine } from "./engine/create-engine.ts";
import type { BlockView, EngineStats } from "./engine/engine.ts";
import { fetchFrom } from "./fetch-reply.ts";
import { Journal } from "./journal.ts";
import { lazyEngine } from "./lazy-engine.ts";
import { PodMetrics } from "./metrics/pod-metrics.ts";
import { PodEngine } from "./pod-engine.ts";
import type { PodSettings } from "./pod-settings.ts";
import type { InProcessPod, JournalEntry } from "./pod.ts";
import type { RealTimeDriver } from "./real-time-driver.ts";
import type { Exchange } from "./server/exchange.ts";
import { createPodFace, type PodFace } from "./server/pod-face.ts";
import { serveSettings } from "./server/serve-settings.ts";

export interface PodCoreOptions {
  readonly name: string;
  readonly settings: PodSettings;
  readonly tokenizer: ModelTokenizer;
  readonly driver: RealTimeDriver;
}

/** What dies with a crash. */
interface Life {
  readonly engine: PodEngine;
  readonly metrics: PodMetrics;
  readonly face: PodFace;
  readonly died: AbortController;
}

export class PodCore implements InProcessPod {
  readonly name: string;
  protected readonly recorder: Journal;
  readonly #options: PodCoreOptions;
  #life: Life;
  #made = 0;

  constructor(options: PodCoreOptions) {
    this.name = options.name;
    this.#options = options;
    this.recorder = new Journal({
      pod: options.name,
      nowMs: () => options.driver.nowMs(),
      nextId: () => `${options.name}-${this.#made++}`,
      served: (exchange) => this.#life.metrics.http.served(exchange),
    });
    this.#life = this.#bear();
  }

  get model(): string {
    return this.#options.settings.models[0];
  }

  get profile(): string {
    return this.#options.settings.profile.name;
  }

  fetch(request: Request): Promise<Response> {
    return fetchFrom(request, this.recorder, this.#life.died.signal, (exchange) => this.answer(exchange));
  }

  reset(): Promise<void> {
    this.die();
    this.recorder.clear();
    return Promise.resolve();
  }

  stats(): EngineStats {
    return this.#life.engine.stats();
  }

  running(): readonly string[] {
    return this.#life.engine.inspect().running;
  }

  queue(): readonly string[] {
    return this.#life.engine.inspect().waiting;
  }

  blocks(): readonly BlockView[] {
    return this.#life.engine.inspect().blocks;
  }

  holdsPrefix(prompt: string | ArrayLike<number>): number {
    return this.#life.engine.heldPrefixTokens(
      typeof prompt === "string" ? this.#options.tokenizer.encode(prompt) : prompt,
    );
  }

  journal(): readonly JournalEntry[] {
    return this.recorder.entries();
  }

  clearJournal(): void {
    this.recorder.clear();
  }

  hold(): void {
    this.#life.engine.hold();
  }

  release(): void {
    this.#life.engine.release();
  }

  stepOnce(): void {
    this.#life.engine.stepOnce();
  }

  waitForArrivals(count: number): Promise<void> {
    return this.recorder.waitForArrivals(count);
  }

  metricsPage(): string {
    return this.#life.metrics.render(this.stats());
  }

  protected get face(): PodFace {
    return this.#life.face;
  }

  protected answer(exchange: Exchange): void {
    this.#life.face.answer(exchange);
  }

  /** Ends this life and begins the next, cold. */
  protected die(): void {
    this.recorder.failOpen();
    this.#life.engine.stop();
    this.#life.died.abort(new TypeError("connection reset: the pod died"));
    this.#life = this.#bear();
  }

  #bear(): Life {
    const { settings, driver, name } = this.#options;
    const { engine: config, profile } = settings;
    const metrics = new PodMetrics({
      model: this.model,
      maxModelLenTokens: config.maxModelLen,
      cache: settings.cache,
      toolParser: settings.flags["tool-call-parser"] !== undefined,
      unixSeconds: () => Date.now() / 1000,
    });
    const engine = new PodEngine(
      driver,
      lazyEngine(() => createEngine(config, profile), config.numGpuBlocks - 1),
      metrics,
      (step) => face.onStep(step),
    );
    const face: PodFace = createPodFace({
      podName: name,
      settings: serveSettings(settings),
      tokenizer: this.#options.tokenizer,
      engine,
      routes: controlRoutes(this),
    });
    return { engine, metrics, face, died: new AbortController() };
  }
}
