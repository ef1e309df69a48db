/** A pod on a port of its own. */
import { HookChain } from "./hooks.ts";
import { PodCore, type PodCoreOptions } from "./pod-core.ts";
import type { Pod, RequestHook } from "./pod.ts";
import { startPodServer, type PodServer } from "./server/pod-server.ts";

export interface ServedPodOptions extends PodCoreOptions {
  readonly host: string;
  /** 0 lets the system choose; the pod keeps what it got over crashes. */
  readonly port: number;
}

export class ServedPod extends PodCore implements Pod {
  readonly #host: string;
  readonly #hooks: HookChain;
  #server: PodServer | undefined;
  #port: number;
  #silent = false;

  constructor(options: ServedPodOptions) {
    super(options);
    this.#host = options.host;
    this.#port = options.port;
    this.#hooks = new HookChain((entry, how, status) => this.recorder.close(entry, how, status));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${this.#host.includes(":") ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  intercept(hook: RequestHook): () => void {
    return this.#hooks.add(hook);
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = await startPodServer({
      host: this.#host,
      port: this.#port,
      recorder: this.recorder,
      hook: this.#hooks.ask,
      answer: (exchange) => this.answer(exchange),
    });
    this.#port = this.#server.port;
  }

  async crash(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.die();
    await server.crash();
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
    face.abortAll();
    await server.stopListening();
    this.die();
  }

  override async reset(): Promise<void> {
    this.#hooks.clear();
    await super.reset();
    this.#server?.resetOpen();
  }
}
