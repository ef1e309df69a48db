/** A pod on a port of its own. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { KvEvent } from "../engine/engine.ts";
import { HookChain } from "./hooks.ts";
import { KvEventPublisher } from "../kv-events/kv-event-publisher.ts";
import { placed, type KvEventsConfig } from "../kv-events/kv-events-config.ts";
import { toWireEvent } from "../kv-events/wire-events.ts";
import { PodCore } from "./pod-core.ts";
import type { PodCoreOptions } from "./pod-life.ts";
import type { Pod, RequestHook } from "./pod.ts";
import type { KvEndpoints } from "../server/pod-context.ts";
import { startPodServer, type PodServer } from "../server/http/pod-server.ts";

export interface ServedPodOptions extends PodCoreOptions {
  readonly host: string;
  /** 0 lets the system choose; the pod keeps what it got over crashes. */
  readonly port: number;
  /** Its place in the fleet, from 0; ports for KV events are counted on by it. */
  readonly number: number;
}

const KEEP_ALIVE = "VLLM_HTTP_TIMEOUT_KEEP_ALIVE";

/** vLLM hands these seconds to uvicorn. @throws {OperationalError} USAGE */
function keepAliveMs({ environment }: ServedPodOptions["settings"]): number {
  const text = environment[KEEP_ALIVE] ?? "5";
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text) * 1_000;
  throw new OperationalError("USAGE", `${KEEP_ALIVE}="${text}"; give whole seconds, at least 1`);
}

export class ServedPod extends PodCore implements Pod {
  readonly #options: ServedPodOptions;
  readonly #hooks: HookChain;
  #server: PodServer | undefined;
  #port: number;
  #silent = false;
  #publisher: KvEventPublisher | undefined;
  /** Where it published before a crash, so that a port the system chose is kept. */
  #published: KvEventsConfig | undefined;

  constructor(options: ServedPodOptions) {
    super(options);
    this.#options = options;
    this.#port = options.port;
    this.#hooks = new HookChain((entry, how, status) => this.recorder.close(entry, how, status));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const { host } = this.#options;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  intercept(hook: RequestHook): () => void {
    return this.#hooks.add(hook);
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = await startPodServer({
      host: this.#options.host,
      port: this.#port,
      keepAliveMs: keepAliveMs(this.#options.settings),
      recorder: this.recorder,
      hook: this.#hooks.ask,
      isHooked: () => !this.#hooks.isEmpty,
      answer: (exchange) => this.answer(exchange),
    });
    this.#port = this.#server.port;
    try {
      await this.#startPublisher();
    } catch (error) {
      await this.crash();
      throw error;
    }
  }

  async #startPublisher(): Promise<void> {
    const { settings, number } = this.#options;
    if (settings.kvEvents === undefined) return;
    const address = `${this.#options.host}:${this.#port}`;
    const place = { name: this.name, host: this.#options.host, address, number };
    this.#published ??= placed(settings.kvEvents, place);
    this.#publisher = await KvEventPublisher.start(this.#published, settings.kvEvents.format);
    const { endpoint, replayEndpoint } = this.#publisher;
    this.#published = { ...this.#published, endpoint, replayEndpoint };
  }

  async crash(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.die();
    await Promise.all([this.#stopPublisher(), server.crash()]);
  }

  protected override faultsChanged(): void {
    super.faultsChanged();
    const silent = this.faults.ofKind("silent-shutdown").length > 0;
    if (silent && !this.#silent) {
      this.recorder.failOpen();
      this.#server?.silenceOpen();
    }
    this.#silent = silent;
    this.#server?.accept(!this.refusesConnections);
  }

  async shutdown(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const { face } = this;
    const { shutdownTimeoutMs } = face.settings;
    if (shutdownTimeoutMs > 0) {
      face.drain();
      await face.idle(shutdownTimeoutMs);
    }
    this.#server = undefined;
    face.end();
    await server.stopListening();
    await this.#stopPublisher();
    this.die();
  }

  get kvEvents(): KvEndpoints | undefined {
    if (this.#publisher === undefined) return undefined;
    const { endpoint, replayEndpoint } = this.#publisher;
    return { endpoint, replayEndpoint };
  }

  protected override get publishedAt(): KvEndpoints | undefined {
    return this.kvEvents;
  }

  protected override publish(events: readonly KvEvent[]): void {
    if (this.#publisher === undefined) return;
    const { engine } = this.#options.settings;
    const wire = events.map((event) => toWireEvent(event, engine.blockSize));
    const fault = this.faults.ofKind("kv-events").find(({ share = 1 }) => this.faults.happens(share));
    this.#publisher.publish(Date.now() / 1000, wire, fault?.how);
  }

  async #stopPublisher(): Promise<void> {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    await publisher?.close();
  }

  override async reset(): Promise<void> {
    this.#hooks.clear();
    await super.reset();
    // A cold cache would be news to subscribers that keep count.
    this.publish([{ kind: "cleared" }]);
    this.#server?.resetOpen();
  }
}
