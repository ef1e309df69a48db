/**
 * A pod without a port: an HTTP face, an engine, and what they counted. Its journal and hooks outlive a crash; engine,
 * cache and metrics start anew. It runs wherever JavaScript does: nothing here, or below, imports a module of Node's.
 */
import { Random } from "../../fixtures/random.ts";
import { connectionRefused, connectionReset } from "./connection-errors.ts";
import { controlRoutes } from "../control/control-routes.ts";
import type { BlockView, EngineStats, KvEvent } from "../engine/engine.ts";
import { ActiveFaults } from "../faults/active-faults.ts";
import { checkFault, type Fault } from "../faults/fault.ts";
import { answerWithFaults } from "../faults/faulty-exchange.ts";
import { corruptPage } from "../faults/faulty-metrics.ts";
import { fetchFrom } from "./fetch-reply.ts";
import { isControl, Journal } from "./journal.ts";
import { bornPod, type Life, type PodCoreOptions } from "./pod-life.ts";
import type { InProcessPod, JournalEntry } from "./pod.ts";
import { text, type Answer } from "../server/http/answer.ts";
import type { Exchange } from "../server/http/exchange.ts";
import type { KvEndpoints } from "../server/pod-context.ts";
import type { PodFace } from "../server/pod-face.ts";

export class PodCore implements InProcessPod {
  readonly name: string;
  protected readonly recorder: Journal;
  readonly #options: PodCoreOptions;
  readonly #faults: ActiveFaults;
  #life: Life;
  #made = 0;
  #stalePage: string | undefined;
  #withheldBlocks = 0;

  constructor(options: PodCoreOptions) {
    this.name = options.name;
    this.#options = options;
    this.recorder = new Journal({
      pod: options.name,
      nowMs: () => options.driver.nowMs(),
      nextId: () => `${options.name}-${this.#made++}`,
      served: (exchange) => this.#life.metrics().http.served(exchange),
    });
    this.#life = this.#bear();
    const random = new Random(options.seed).stream(`faults/${options.name}`);
    this.#faults = new ActiveFaults(options.driver, random, () => this.faultsChanged());
  }

  get model(): string {
    return this.#options.settings.models[0];
  }

  get profile(): string {
    return this.#options.settings.profile.name;
  }

  fetch(request: Request): Promise<Response> {
    if (this.refusesConnections) return Promise.reject(connectionRefused());
    return fetchFrom(request, this.recorder, this.#life.died.signal, (exchange) => this.answer(exchange));
  }

  inject(fault: Fault): () => void {
    const id = this.#faults.inject(checkFault(fault, "fault"));
    return () => void this.#faults.remove(id);
  }

  get faults(): ActiveFaults {
    return this.#faults;
  }

  reset(): Promise<void> {
    this.#faults.clear();
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

  async metrics(): Promise<Answer> {
    const faults = this.#faults.ofKind("metrics");
    let page = this.#stalePage ?? this.#renderMetrics();
    for (const fault of faults) {
      if (fault.how === "slow") await this.#wait(fault.delayMs ?? 5_000);
      if (fault.how === "error") return { status: 500, body: "Internal Server Error", contentType: "text/plain" };
      page = corruptPage(page, fault);
    }
    // Whatever the client accepts (vLLM 0.32 as recorded).
    const { format } = this.#life.serving.version.metrics;
    return text(200, page, `text/plain; version=${format}; charset=utf-8`);
  }

  protected get face(): PodFace {
    return this.#life.face();
  }

  protected answer(exchange: Exchange): void {
    const struck = isControl(exchange.path) ? [] : this.#faults.strike(exchange.method, exchange.path);
    if (struck.length === 0) return this.face.answer(exchange);
    answerWithFaults(exchange, struck, this.#options.driver, (next) => this.face.answer(next));
  }

  /** Where KV events are published; a pod without sockets publishes none. */
  protected get publishedAt(): KvEndpoints | undefined {
    return undefined;
  }

  /** Events of a step; a pod without sockets has nobody to tell. */
  protected publish(_events: readonly KvEvent[]): void {}

  protected get refusesConnections(): boolean {
    return this.#faults.ofKind("refuse").length > 0 || this.#faults.ofKind("silent-shutdown").length > 0;
  }

  /** A fault has begun, ended, or gone. */
  protected faultsChanged(): void {
    this.#life.engine.settle();
    const stale = this.#faults.ofKind("metrics").some(({ how }) => how === "stale");
    this.#stalePage = stale ? (this.#stalePage ?? this.#renderMetrics()) : undefined;
    const withheld = this.#faults.ofKind("less-cache").reduce((sum, { blocks }) => sum + blocks, 0);
    if (withheld !== this.#withheldBlocks) this.#life.engine.withhold(withheld);
    this.#withheldBlocks = withheld;
  }

  #renderMetrics(): string {
    return this.#life.metrics().render(this.#life.engine.toldStats());
  }

  #wait(durationMs: number): Promise<void> {
    const { driver } = this.#options;
    return new Promise((resolve) => driver.at(driver.nowMs() + durationMs, resolve));
  }

  #slowness(atMs: number): number {
    return this.#faults.ofKind("slow-engine", atMs).reduce((product, { factor }) => product * factor, 1);
  }

  /** Ends this life and begins the next, cold. */
  protected die(): void {
    this.recorder.failOpen();
    this.#life.engine.stop();
    this.#life.died.abort(connectionReset("connection reset: the pod died"));
    this.#life = this.#bear();
    if (this.#withheldBlocks > 0) this.#life.engine.withhold(this.#withheldBlocks);
  }

  #bear(): Life {
    return bornPod(this.#options, {
      slowness: (atMs) => this.#slowness(atMs),
      publish: (events) => this.publish(events),
      publishedAt: () => this.publishedAt,
      controls: () => controlRoutes(this),
    });
  }
}
