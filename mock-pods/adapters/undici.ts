/**
 * Pods behind undici, without sockets: whatever asks through this dispatcher (`request`, `fetch`, `stream`, an `Agent`)
 * and names one of these origins is answered by a pod in this process.
 *
 * ```ts
 * setGlobalDispatcher(new PodDispatcher({ "http://pod-0.test": createPod(), "http://pod-1.test": createPod() }));
 * ```
 *
 * A refused or reset connection is the error that undici would give, and its timeouts hold. Events of connections
 * (`connect`, `disconnect`) are not emitted: there are none.
 */
import { Dispatcher, errors } from "undici";
import { DispatchedRequest, type Timeouts } from "./dispatched-request.ts";
import type { InProcessPod } from "../pod/pod.ts";

export interface PodDispatcherOptions extends Partial<Timeouts> {
  /** Answers for all other origins; without it they are errors. */
  readonly otherwise?: Dispatcher;
}

/** undici's own defaults. */
const TIMEOUT_MS = 300_000;

export class PodDispatcher extends Dispatcher {
  readonly #pods: ReadonlyMap<string, InProcessPod>;
  readonly #otherwise: Dispatcher | undefined;
  readonly #timeouts: Timeouts;
  readonly #open = new Set<DispatchedRequest>();
  #state: "open" | "closed" | "destroyed" = "open";

  /** `pods` by origin, as `http://pod-0.test`; a fleet's pods will do as well as those of `createPod`. */
  constructor(pods: Readonly<Record<string, InProcessPod>>, options: PodDispatcherOptions = {}) {
    super();
    this.#pods = new Map(Object.entries(pods).map(([url, pod]) => [new URL(url).origin, pod]));
    this.#otherwise = options.otherwise;
    this.#timeouts = {
      headersTimeout: options.headersTimeout ?? TIMEOUT_MS,
      bodyTimeout: options.bodyTimeout ?? TIMEOUT_MS,
    };
    // An Agent that gets it for many origins listens as many times.
    this.setMaxListeners(0);
    // What `compose` returns is a proxy, which has no private members.
    this.close = this.close.bind(this);
    this.destroy = this.destroy.bind(this);
  }

  get closed(): boolean {
    return this.#state !== "open";
  }

  get destroyed(): boolean {
    return this.#state === "destroyed";
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = this.#originOf(options);
    const pod = this.#pods.get(origin);
    if (pod === undefined && this.#otherwise !== undefined) return this.#otherwise.dispatch(options, handler);
    const request = new DispatchedRequest({ ...options, origin }, handler, this.#timeouts);
    const answering = this.#refusal() ?? pod ?? this.#unknown(origin);
    if (answering instanceof Error) request.fail(answering);
    else {
      this.#open.add(request);
      void request.ask(answering).finally(() => this.#open.delete(request));
    }
    return true;
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    if (this.#state === "open") this.#state = "closed";
    const over = Promise.all([...this.#open].map(({ ended }) => ended)).then(() => this.destroy());
    if (callback === undefined) return over;
    void over.then(callback);
  }

  override destroy(): Promise<void>;
  override destroy(error: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | void {
    const callback = typeof first === "function" ? first : second;
    const error = typeof first === "function" ? null : first;
    this.#state = "destroyed";
    for (const request of this.#open) request.fail(error ?? new errors.ClientDestroyedError());
    const over = Promise.all([...this.#open].map(({ ended }) => ended)).then(() => undefined);
    if (callback === undefined) return over;
    void over.then(callback);
  }

  /** A Pool's requests name none: the origin is its factory's, which makes a dispatcher for that one. */
  #originOf({ origin }: Dispatcher.DispatchOptions): string {
    if (origin !== undefined) return new URL(origin).origin;
    return this.#pods.size === 1 ? ([...this.#pods.keys()][0] as string) : "";
  }

  #refusal(): Error | undefined {
    if (this.#state === "destroyed") return new errors.ClientDestroyedError();
    return this.#state === "closed" ? new errors.ClientClosedError() : undefined;
  }

  #unknown(origin: string): Error {
    const known = [...this.#pods.keys()].join(", ");
    return new errors.InvalidArgumentError(`no pod answers for ${origin || "a request without origin"}; for ${known}`);
  }
}

export { createPod, type PodOptions } from "../pod/in-process.ts";
export type { InProcessPod };
