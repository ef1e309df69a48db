/**
 * A pod: a port, an HTTP face, an engine and what they counted. Its journal and hooks outlive a crash; engine, cache and
 * metrics start anew.
 */
import type { Tokenizer } from "../fixtures/tokenizer/tokenizer.ts";
import type { RealTimeDriver } from "./real-time-driver.ts";
import { createEngine } from "./engine/create-engine.ts";
import type { BlockView, EngineStats } from "./engine/engine.ts";
import { controlRoutes } from "./control/control-routes.ts";
import { HookChain } from "./hooks.ts";
import { Journal } from "./journal.ts";
import { lazyEngine } from "./lazy-engine.ts";
import { PodMetrics } from "./metrics/pod-metrics.ts";
import { PodEngine } from "./pod-engine.ts";
import type { PodSettings } from "./pod-settings.ts";
import type { JournalEntry, Pod, RequestHook } from "./pod.ts";
import { createPodFace, type PodFace } from "./server/pod-face.ts";
import { startPodServer, type PodServer } from "./server/pod-server.ts";

export interface MockPodOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly settings: PodSettings;
  readonly tokenizer: Tokenizer;
  readonly driver: RealTimeDriver;
}

/** What dies with a crash. */
interface Life {
  readonly engine: PodEngine;
  readonly metrics: PodMetrics;
  readonly face: PodFace;
}

export class MockPod implements Pod {
  readonly name: string;
  readonly #options: MockPodOptions;
  readonly #journal: Journal;
  readonly #hooks: HookChain;
  #life: Life;
  #server: PodServer | undefined;
  #port: number;
  #made = 0;

  constructor(options: MockPodOptions) {
    this.name = options.name;
    this.#options = options;
    this.#port = options.port;
    this.#journal = new Journal({
      pod: options.name,
      nowMs: () => options.driver.nowMs(),
      nextId: () => `${options.name}-${this.#made++}`,
      served: (exchange) => this.#life.metrics.http.served(exchange),
    });
    this.#hooks = new HookChain((entry, how, status) => this.#journal.close(entry, how, status));
    this.#life = this.#bear();
  }

  get url(): string {
    return `http://${this.#options.host.includes(":") ? `[${this.#options.host}]` : this.#options.host}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get model(): string {
    return this.#options.settings.models[0];
  }

  get profile(): string {
    return this.#options.settings.profile.name;
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = await startPodServer({
      host: this.#options.host,
      port: this.#port,
      recorder: this.#journal,
      hook: this.#hooks.ask,
      answer: (exchange) => this.#life.face.answer(exchange),
    });
    this.#port = this.#server.port;
  }

  async crash(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#die();
    await server.crash();
  }

  async reset(): Promise<void> {
    this.#hooks.clear();
    this.#die();
    this.#journal.clear();
    this.#server?.resetOpen();
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

  stats(): EngineStats {
    return this.#life.engine.stats();
  }

  journal(): readonly JournalEntry[] {
    return this.#journal.entries();
  }

  clearJournal(): void {
    this.#journal.clear();
  }

  holdsPrefix(prompt: string | ArrayLike<number>): number {
    return this.#life.engine.heldPrefixTokens(
      typeof prompt === "string" ? this.#options.tokenizer.encode(prompt) : prompt,
    );
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
    return this.#journal.waitForArrivals(count);
  }

  intercept(hook: RequestHook): () => void {
    return this.#hooks.add(hook);
  }

  metricsPage(): string {
    return this.#life.metrics.render(this.stats());
  }

  /** Ends this life and begins the next, cold. */
  #die(): void {
    this.#journal.failOpen();
    this.#life.engine.stop();
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
    const face: PodFace = createPodFace({ podName: name, engine, routes: controlRoutes(this) });
    return { engine, metrics, face };
  }
}
