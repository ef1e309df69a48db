/**
 * One request from the decision to its last byte, over as many pods as it takes.
 *
 * A failure before the first byte may be tried on another pod, with the decision taken anew; after it never. When the
 * client leaves, the pod's request is aborted.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { DecisionRecord, RouteRequest } from "../../../fixtures/routing.ts";
import type { Refusal } from "../../../fixtures/wire/errors.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { AttemptRecord, RequestRecord } from "../reporting/decision-log.ts";
import { ClientBody } from "./client-body.ts";
import type { ExchangeContext } from "./exchange-context.ts";
import { headersToClient, headersToPod, headerSafe } from "../http/headers.ts";
import type { PodLink } from "../pods/pod-link.ts";
import { refusals, refuse } from "../http/refusal.ts";

/** Node's and undici's clients take 16 KiB of headers in all. */
const MAX_DECISION_HEADER_BYTES = 8192;

/** What was asked; kept until the first byte, for another attempt. */
interface Asked {
  readonly route: RouteRequest;
  readonly body: Buffer;
}

export class Exchange implements AttemptOwner {
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #model: string;
  /** Dropped at the first byte: a long stream must not keep a long prompt alive. */
  #asked: Asked | undefined;
  /** The client's own id; the decision's is made unique among those in flight. */
  readonly #requestId: string;
  readonly #record: RequestRecord;
  readonly #failedPods = new Set<string>();
  #attempt: Attempt | undefined;
  /** From the head of the answer on. */
  #body: ClientBody | undefined;
  #retries = 0;
  readonly #startedMs = performance.now();
  #firstByteMs: number | undefined;
  #status = 0;
  clientGone = false;

  constructor(
    context: ExchangeContext,
    client: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly requestId: string },
    asked: Asked,
  ) {
    this.#context = context;
    this.#request = client.request;
    this.#response = client.response;
    this.#requestId = client.requestId;
    this.#asked = asked;
    this.#model = asked.route.model;
    this.#record = context.decisions.open(client.requestId);
  }

  start(): void {
    this.#response.once("close", () => this.#closed());
    this.#context.retryBudget.requestArrived();
    if (!this.#tryPod()) this.refuse(refusals.noPod(this.#model));
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
      model: this.#model,
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
    if (this.#asked === undefined) return false;
    const { route, body } = this.#asked;
    const beforeMs = performance.now();
    const decision = this.#decide(route, clock.nowMs());
    this.#context.metrics.decided(decision, (performance.now() - beforeMs) / 1000);
    const pod = decision.pod === null ? undefined : registry.get(decision.pod);
    const attemptRecord: AttemptRecord = { decision: { ...decision, requestId: this.#requestId } };
    this.#record.attempts.push(attemptRecord);
    if (pod === undefined) return false;
    this.#attempt = new Attempt(this, this.#context, pod, attemptRecord, route.requestId);
    this.#attempt.send(
      this.#request,
      headersToPod(this.#request.rawHeaders, this.#request.headers.connection, {
        requestId: this.#requestId,
        contentLength: body.length,
        dropAuthorization: this.#context.settings.apiKey !== undefined,
      }),
      body,
    );
    return true;
  }

  #decide(route: RouteRequest, nowMs: number): DecisionRecord {
    const { router, registry } = this.#context;
    const avoided = new Set([...this.#failedPods, ...registry.unavailable(nowMs)]);
    const decision = router.decide(route, nowMs, avoided);
    // When every breaker is open, trying one is better than refusing everybody.
    if (decision.pod !== null || avoided.size === this.#failedPods.size) return decision;
    return router.decide(route, nowMs, this.#failedPods);
  }

  retryElsewhere(failed: PodLink): boolean {
    if (this.clientGone || this.#retries >= this.#context.settings.maxRetries) return false;
    this.#failedPods.add(failed.name);
    const others = this.#context.registry.all();
    if (!others.some((pod) => pod.ready && !this.#failedPods.has(pod.name) && pod.serves(this.#model))) {
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
    this.#asked = undefined;
    this.#response.writeHead(status, headers);
    this.#body = new ClientBody(this.#response);
  }

  write(chunk: Buffer, onDrain: () => void): boolean {
    return this.#body?.write(chunk, onDrain) ?? true;
  }

  end(): void {
    this.#body?.end();
  }

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
