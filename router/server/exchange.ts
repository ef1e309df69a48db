/**
 * One request from the decision to its last byte.
 *
 * The pod's bytes go to the client as they come; when the client is slow the pod's socket is paused; when the client
 * leaves, the pod's request is aborted. A failure before the first byte may be tried on another pod, with the decision
 * taken anew; after it never. Each attempt is released exactly once, on whichever of these ways it ends.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errors, type Dispatcher } from "undici";
import type { DecisionRecord, FunctionRouter, Outcome, RouteRequest } from "../../fixtures/routing.ts";
import type { Refusal } from "../../fixtures/wire/errors.ts";
import type { Clock } from "../../fixtures/clock.ts";
import type { AttemptRecord, DecisionLog, RequestRecord } from "./decision-log.ts";
import { headersToClient, headersToPod, headerSafe, type FlatHeaders } from "./headers.ts";
import type { PodLink } from "./pod-link.ts";
import type { PodRegistry } from "./pod-registry.ts";
import { refusals, refuse } from "./refusal.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { RouterMetrics } from "./router-metrics.ts";
import type { LiveSettings } from "./settings.ts";
import type { Log } from "./log.ts";

/** What every exchange of a router shares. */
export interface ExchangeContext {
  readonly router: FunctionRouter;
  readonly clock: Clock;
  readonly registry: PodRegistry;
  readonly decisions: DecisionLog;
  readonly retryBudget: RetryBudget;
  readonly metrics: RouterMetrics;
  readonly log: Log;
  /** May change between two requests. */
  readonly settings: LiveSettings;
  /** A connection to the pod failed: find out how it is. */
  readonly onPodTrouble: (pod: PodLink, error: Error) => void;
}

export class Exchange {
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #body: Buffer;
  readonly #route: RouteRequest;
  /** The client's own id; the decision's is made unique among those in flight. */
  readonly #requestId: string;
  readonly #record: RequestRecord;
  readonly #failedPods = new Set<string>();
  #attempt: Attempt | undefined;
  #retries = 0;
  readonly #startedMs = performance.now();
  #firstByteMs: number | undefined;
  #status = 0;
  clientGone = false;

  constructor(
    context: ExchangeContext,
    client: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly requestId: string },
    body: Buffer,
    route: RouteRequest,
  ) {
    this.#context = context;
    this.#request = client.request;
    this.#response = client.response;
    this.#requestId = client.requestId;
    this.#body = body;
    this.#route = route;
    this.#record = context.decisions.open(client.requestId);
  }

  start(): void {
    this.#response.once("close", () => this.#closed());
    this.#context.retryBudget.requestArrived();
    if (!this.#tryPod()) this.refuse(refusals.noPod(this.#route.model));
  }

  #closed(): void {
    const { metrics, log } = this.#context;
    if (!this.#response.writableFinished) {
      this.clientGone = true;
      this.#attempt?.abandon();
      if (this.#status === 0) metrics.unanswered(this.#record.attempts.at(-1)?.decision.pod ?? "");
    }
    const last = this.#record.attempts.at(-1);
    log(this.#status >= 500 ? "warn" : "info", "request", {
      requestId: this.#requestId,
      model: this.#route.model,
      status: this.#status,
      pod: last?.decision.pod ?? null,
      reason: last?.decision.reason,
      matchedTokens: last?.decision.matchedTokens,
      totalTokens: last?.decision.totalTokens,
      attempts: this.#record.attempts.length,
      outcome: last?.outcome,
      ...(last?.error === undefined ? {} : { error: last.error }),
      firstByteMs: this.#firstByteMs === undefined ? null : Math.round(this.#firstByteMs * 100) / 100,
      durationMs: Math.round((performance.now() - this.#startedMs) * 100) / 100,
    });
  }

  /** Decides and sends; false when no pod can take it. */
  #tryPod(): boolean {
    const { registry, clock } = this.#context;
    const beforeMs = performance.now();
    const decision = this.#decide(clock.nowMs());
    this.#context.metrics.decided(decision, (performance.now() - beforeMs) / 1000);
    const pod = decision.pod === null ? undefined : registry.get(decision.pod);
    const attemptRecord: AttemptRecord = { decision: { ...decision, requestId: this.#requestId } };
    this.#record.attempts.push(attemptRecord);
    if (pod === undefined) return false;
    this.#attempt = new Attempt(this, this.#context, pod, attemptRecord, this.#route.requestId);
    this.#attempt.send(
      this.#request,
      headersToPod(this.#request.rawHeaders, this.#request.headers.connection, {
        requestId: this.#requestId,
        contentLength: this.#body.length,
        dropAuthorization: this.#context.settings.apiKey !== undefined,
      }),
      this.#body,
    );
    return true;
  }

  #decide(nowMs: number): DecisionRecord {
    const { router, registry } = this.#context;
    const avoided = new Set([...this.#failedPods, ...registry.unavailable(nowMs)]);
    const decision = router.decide(this.#route, nowMs, avoided);
    // When every breaker is open, trying one is better than refusing everybody.
    if (decision.pod !== null || avoided.size === this.#failedPods.size) return decision;
    return router.decide(this.#route, nowMs, this.#failedPods);
  }

  /** The attempt failed before its first byte: sends the request elsewhere if that is allowed and possible. */
  retryElsewhere(failed: PodLink): boolean {
    if (this.clientGone || this.#retries >= this.#context.settings.maxRetries) return false;
    this.#failedPods.add(failed.name);
    const others = this.#context.registry.all();
    if (!others.some((pod) => pod.ready && !this.#failedPods.has(pod.name) && pod.serves(this.#route.model))) {
      return false;
    }
    if (!this.#context.retryBudget.spend(this.#context.clock.nowMs())) return false;
    this.#retries++;
    this.#context.metrics.retried();
    return this.#tryPod();
  }

  writeHead(status: number, rawHeaders: readonly (string | Buffer)[], pod: string): void {
    const headers = headersToClient(rawHeaders, { requestId: this.#requestId, pod });
    if (this.#wantsDecision) headers.push("x-routeproof-decision", this.#decisionHeader());
    this.#answered(status, pod);
    this.#response.writeHead(status, headers);
  }

  /** @returns whether the client can take more now; if not, `onDrain` runs when it can */
  write(chunk: Buffer, onDrain: () => void): boolean {
    if (this.#response.write(chunk)) return true;
    this.#response.once("drain", onDrain);
    return false;
  }

  end(): void {
    this.#response.end();
  }

  /** Ends the answer so that the client can tell it is incomplete. */
  breakOff(): void {
    this.#response.destroy();
  }

  refuse(refusal: Refusal): void {
    if (this.clientGone) return;
    this.#answered(refusal.status, "");
    refuse(this.#response, refusal, {
      "x-request-id": this.#requestId,
      ...(this.#wantsDecision && this.#record.attempts.length > 0
        ? { "x-routeproof-decision": this.#decisionHeader() }
        : {}),
    });
  }

  #answered(status: number, pod: string): void {
    this.#status = status;
    this.#firstByteMs = performance.now() - this.#startedMs;
    this.#context.metrics.answered(status, pod);
  }

  get #wantsDecision(): boolean {
    return this.#request.headers["x-routeproof-explain"] !== undefined;
  }

  /** The last decision as JSON; without its candidates where they would not fit a client's header limit. */
  #decisionHeader(): string {
    const decision = this.#record.attempts.at(-1)?.decision;
    const whole = headerSafe(JSON.stringify(decision));
    return whole.length <= MAX_DECISION_HEADER_BYTES
      ? whole
      : headerSafe(JSON.stringify({ ...decision, candidates: [], candidatesLeftOut: decision?.candidates.length }));
  }
}

/** Node's and undici's clients take 16 KiB of headers in all. */
const MAX_DECISION_HEADER_BYTES = 8192;
/** A refused answer that is being thrown away may be this long before its connection is given up instead. */
const MAX_DISCARDED_BYTES = 65536;

/** One pod's try at a request. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
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

  constructor(exchange: Exchange, context: ExchangeContext, pod: PodLink, record: AttemptRecord, decisionId: string) {
    this.#exchange = exchange;
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
    if (this.#exchange.clientGone) controller.abort(new errors.RequestAbortedError("client left"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#status = status;
    this.#record.status = status;
    if (status === 503) {
      this.#release("error", "answered 503");
      if (this.#exchange.retryElsewhere(this.#pod)) {
        this.#discardedBytes = 0;
        return;
      }
    }
    this.#exchange.writeHead(status, controller.rawHeaders as (string | Buffer)[], this.#pod.name);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#discardedBytes !== undefined) {
      this.#discardedBytes += chunk.length;
      if (this.#discardedBytes > MAX_DISCARDED_BYTES) controller.abort(new errors.RequestAbortedError("not needed"));
      return;
    }
    if (!this.#firstTokenSeen && this.#status < 300) {
      this.#firstTokenSeen = true;
      if (!this.#released) this.#context.router.firstToken?.(this.#decisionId, this.#context.clock.nowMs());
    }
    if (!this.#exchange.write(chunk, () => controller.resume())) controller.pause();
  }

  onResponseEnd(): void {
    this.#release(this.#status < 400 ? "ok" : "error");
    if (this.#discardedBytes === undefined) this.#exchange.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#discardedBytes !== undefined || this.#exchange.clientGone) {
      this.#release("aborted", error.message);
      return;
    }
    const silent = error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
    this.#release("error", error.message);
    if (!silent) this.#context.onPodTrouble(this.#pod, error);
    if (this.#status !== 0) return this.#exchange.breakOff();
    if (silent) return this.#exchange.refuse(refusals.podSilent(this.#pod.name));
    if (this.#exchange.retryElsewhere(this.#pod)) return;
    this.#exchange.refuse(refusals.podUnreachable(this.#pod.name));
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
