/**
 * One pod's try at a request.
 *
 * The pod's bytes go to the client as they come, and when the client is slow the pod's socket is paused. Whichever way it
 * ends, by its last byte, an error, a cut, a silence or a client that left, its place is given back exactly once.
 */
import type { IncomingMessage } from "node:http";
import { errors, type Dispatcher } from "undici";
import type { Outcome } from "../../../fixtures/routing.ts";
import type { Refusal } from "../../../fixtures/wire/errors.ts";
import type { AttemptRecord } from "../reporting/decision-log.ts";
import type { ExchangeContext } from "./exchange-context.ts";
import type { FlatHeaders } from "../http/headers.ts";
import type { PodLink } from "../pods/pod-link.ts";
import { refusals } from "../http/refusal.ts";

/** The client's side of it. */
export interface AttemptOwner {
  readonly clientGone: boolean;
  /** The attempt failed before its first byte: sends the request elsewhere if that is allowed and possible. */
  retryElsewhere(failed: PodLink): boolean;
  writeHead(status: number, rawHeaders: readonly (string | Buffer)[], pod: string): void;
  /** @returns whether the client can take more now; if not, `onDrain` runs when it can */
  write(chunk: Buffer, onDrain: () => void): boolean;
  end(): void;
  /** Ends the answer so that the client can tell it is incomplete. */
  breakOff(): void;
  refuse(refusal: Refusal): void;
}

/** A refused answer that is being thrown away may be this long before its connection is given up instead. */
const MAX_DISCARDED_BYTES = 65536;

export class Attempt implements Dispatcher.DispatchHandler {
  readonly #owner: AttemptOwner;
  readonly #context: ExchangeContext;
  readonly #pod: PodLink;
  readonly #record: AttemptRecord;
  /** The key under which the decision counts it as in flight. */
  readonly #decisionId: string;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #firstTokenSeen = false;
  #released = false;
  #discardedBytes: number | undefined;

  constructor(owner: AttemptOwner, context: ExchangeContext, pod: PodLink, record: AttemptRecord, decisionId: string) {
    this.#owner = owner;
    this.#context = context;
    this.#pod = pod;
    this.#record = record;
    this.#decisionId = decisionId;
  }

  send(request: IncomingMessage, headers: FlatHeaders, body: Buffer): void {
    this.#pod.inFlight++;
    this.#pod.breaker.dispatched();
    try {
      this.#pod.pool.dispatch({ path: `${this.#pod.basePath}${request.url}`, method: "POST", headers, body }, this);
    } catch (error) {
      this.onResponseError(undefined, error as Error);
    }
  }

  /** The client left. */
  abandon(): void {
    this.#release("aborted", "client left");
    this.#controller?.abort(new errors.RequestAbortedError("client left"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#owner.clientGone) controller.abort(new errors.RequestAbortedError("client left"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#pod.lastHeardMs = performance.now();
    this.#status = status;
    this.#record.status = status;
    if (status === 503) {
      this.#release("error", "answered 503");
      if (this.#owner.retryElsewhere(this.#pod)) {
        this.#discardedBytes = 0;
        return;
      }
    }
    this.#owner.writeHead(status, controller.rawHeaders as (string | Buffer)[], this.#pod.name);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#discardedBytes !== undefined) {
      this.#discardedBytes += chunk.length;
      if (this.#discardedBytes > MAX_DISCARDED_BYTES) controller.abort(new errors.RequestAbortedError("not needed"));
      return;
    }
    this.#pod.lastHeardMs = performance.now();
    if (!this.#firstTokenSeen && this.#status < 300) {
      this.#firstTokenSeen = true;
      if (!this.#released) this.#context.router.firstToken?.(this.#decisionId, this.#context.clock.nowMs());
    }
    if (!this.#owner.write(chunk, () => controller.resume())) controller.pause();
  }

  onResponseEnd(): void {
    this.#release(this.#status < 400 ? "ok" : "error");
    if (this.#discardedBytes === undefined) this.#owner.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#discardedBytes !== undefined || this.#owner.clientGone) {
      this.#release("aborted", error.message);
      return;
    }
    const silent = error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
    this.#release("error", error.message);
    if (!silent) this.#context.onPodTrouble(this.#pod, error);
    if (this.#status !== 0) return this.#owner.breakOff();
    if (silent) return this.#owner.refuse(refusals.podSilent(this.#pod.name));
    if (this.#owner.retryElsewhere(this.#pod)) return;
    this.#owner.refuse(refusals.podUnreachable(this.#pod.name));
  }

  /** Gives the attempt's place back, once, and tells the decision and the breaker how it went. */
  #release(outcome: Outcome, error?: string): void {
    if (this.#released) return;
    this.#released = true;
    const nowMs = this.#context.clock.nowMs();
    this.#pod.inFlight--;
    this.#record.outcome = outcome;
    this.#record.endedMs = nowMs;
    if (error !== undefined) this.#record.error = error;
    this.#context.router.finished(this.#decisionId, outcome, nowMs);
    this.#context.metrics.attemptEnded(this.#pod.name, outcome);
    if (outcome === "ok") this.#pod.breaker.succeeded();
    else if (outcome === "aborted" || (this.#status >= 400 && this.#status < 500)) this.#pod.breaker.neutral();
    else this.#pod.breaker.failed(nowMs);
  }
}
