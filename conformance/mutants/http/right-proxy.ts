/**
 * A small conforming proxy in front of the rule router: bytes pass as they come, both ways, and an end on one side ends the
 * other. What a request goes through stands here in its order, one method a stage; a mutant does one of them wrong.
 */
import { request, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Clock } from "../../../fixtures/clock.ts";
import type { Outcome } from "../../../fixtures/routing.ts";
import type { PodAddress } from "../../adapters/router-under-test.ts";
import type { RuleRouter } from "../pure/rule-router.ts";
import { Breaker } from "./breaker.ts";
import { type Attempt, type Call, type Flight, Refusal } from "./call.ts";
import { getText } from "./get-text.ts";
import { endToEnd, type Header, without } from "./headers.ts";
import { PodWatch } from "./pod-watch.ts";
import type { ProxyHabits } from "./proxy-habits.ts";
import { ProxyFront } from "./proxy-front.ts";
import { chatText, fieldsOf, type Message, messagesOf, type RequestFacts } from "./request-facts.ts";

export type ProxyRouter = Pick<RuleRouter, "setPods" | "decide" | "finished" | "report">;

export interface ProxyParts {
  readonly router: ProxyRouter;
  readonly clock: Clock;
  readonly habits: ProxyHabits;
}

/** How an answer begins. */
export interface Head {
  readonly status: number;
  readonly headers: readonly Header[];
}

export const POD_HEADER = "x-proxy-pod";
export const DECISION_HEADER = "x-proxy-decision";
/** Port 0 refuses: a routing fault may name a pod that is gone. */
const NOWHERE = new URL("http://127.0.0.1:0");
const MOST_ATTEMPTS = 3;

export class RightProxy extends ProxyFront {
  protected readonly habits: ProxyHabits;
  /** Begun and not ended, in order. */
  protected readonly open = new Set<Attempt>();
  readonly #router: ProxyRouter;
  readonly #clock: Clock;
  readonly #breaker: Breaker;
  #attempts = 0;

  constructor({ router, clock, habits }: ProxyParts) {
    super();
    this.habits = habits;
    this.#router = router;
    this.#clock = clock;
    this.#breaker = new Breaker(this.recoveryMs(), clock);
  }

  override use(pods: readonly PodAddress[]): void {
    super.use(pods);
    this.#router.setPods(pods);
  }

  /** Whether the pod is to be used, after what it said of its health. */
  takesForWell(_pod: PodAddress, isWell: boolean): boolean {
    return isWell;
  }

  /** How often pods' metrics are read; undefined: never. */
  scrapeMs(): number | undefined {
    return this.habits.scrapeMs;
  }

  /** Looks at the pods again and again. */
  watch(...watched: ConstructorParameters<typeof PodWatch>): PodWatch {
    return new PodWatch(...watched);
  }

  /** What a pod said of its load; undefined when it could not be asked. */
  heardLoad(pod: PodAddress, load: number | undefined): void {
    if (load !== undefined) this.#router.report(pod.name, load);
  }

  protected override underWay(): ReadonlyMap<string, number> {
    const sums = new Map(this.pods.map(({ name }) => [name, 0]));
    for (const { pod } of this.open) sums.set(pod, (sums.get(pod) ?? 0) + 1);
    return sums;
  }

  protected override async serve(call: Call): Promise<void> {
    const facts = this.read(call);
    if (this.habits.podTokenizer !== undefined) await this.countTokens(facts);
    return this.attempt({ ...call, facts, tried: new Set() });
  }

  /** @throws {Refusal} */
  protected read({ body }: Call): RequestFacts {
    const fields = fieldsOf(body);
    if (fields === undefined) throw new Refusal(400, "not a JSON object");
    const { model, prompt, cache_salt: cacheSalt } = fields;
    const messages = messagesOf(fields);
    const text = typeof prompt === "string" ? prompt : messages && this.chatText(messages);
    const route = {
      model: typeof model === "string" ? model : "",
      // Whatever has no text is matched as the bytes that were sent.
      prompt: text ?? body.toString("latin1"),
      ...(typeof cacheSalt === "string" ? { cacheSalt } : {}),
    };
    return { fields, text, route };
  }

  /** What a chat is matched as. */
  protected chatText(messages: readonly Message[]): string {
    return chatText(messages);
  }

  /** Whether a pod counted them in time; the rule can do without. */
  protected async countTokens({ route: { model, prompt } }: RequestFacts, withinMs = 300): Promise<boolean> {
    const page = new URL(this.habits.podTokenizer ?? "", this.pods[0]?.url ?? NOWHERE);
    return (await getText(page, JSON.stringify({ model, prompt }), withinMs)) !== undefined;
  }

  /** One pod's turn, and what its end calls for. */
  protected async attempt(flight: Flight): Promise<void> {
    const attempt = this.choose(flight);
    try {
      const reply = await this.forward(attempt);
      await this.passBack(attempt, reply);
      this.end(attempt, statusOf(reply) >= 400 ? "error" : "ok");
    } catch (error) {
      this.end(attempt, attempt.clientLeft ? "aborted" : "error");
      if (!attempt.clientLeft) await this.failed(attempt, error as NodeJS.ErrnoException);
    }
  }

  /** @throws {Refusal} when no pod is left */
  protected choose(flight: Flight): Attempt {
    const id = `attempt-${this.#attempts++}`;
    const excluded = new Set([...flight.tried, ...this.#breaker.leftOut()]);
    const decision = this.#router.decide({ ...flight.facts.route, requestId: id }, this.#clock.nowMs(), excluded);
    if (decision.pod === null) throw new Refusal(503, "no pod is ready");
    flight.tried.add(decision.pod);
    const attempt = { id, flight, decision, pod: decision.pod, isAnswered: false, clientLeft: false };
    this.open.add(attempt);
    return attempt;
  }

  protected target({ pod }: Attempt): URL {
    const address = this.pods.find(({ name }) => name === pod);
    return address === undefined ? NOWHERE : new URL(address.url);
  }

  /** Resolves when the pod begins to answer. */
  protected async forward(attempt: Attempt): Promise<IncomingMessage> {
    const upstream = this.send(attempt.flight, this.target(attempt));
    attempt.upstream = upstream;
    attempt.flight.client.once("close", () => {
      attempt.clientLeft = this.open.has(attempt);
      if (attempt.clientLeft) this.leave(attempt);
    });
    const firstByteMs = this.firstByteMs();
    const silence = firstByteMs === undefined ? undefined : setTimeout(() => this.tire(attempt), firstByteMs);
    const reply = await replyTo(upstream).finally(() => clearTimeout(silence));
    if (statusOf(reply) >= 500) this.#breaker.failed(attempt.pod);
    attempt.isAnswered = true;
    return reply;
  }

  protected send(flight: Flight, target: URL): ClientRequest {
    const body = this.outgoingBody(flight);
    const framing = [
      ["host", target.host],
      ["content-length", String(body.length)],
    ];
    const headers = [...framing, ...without(this.outgoingHeaders(flight), "host", "content-length")].flat();
    // Node takes a flat list of names and values, which keeps repeated ones; its types say otherwise.
    const options = { method: "POST", headers: headers as never, agent: false };
    return request(new URL(flight.incoming.url ?? "/", target), options).end(body);
  }

  protected outgoingBody({ body }: Flight): Buffer {
    return body;
  }

  protected outgoingHeaders({ incoming }: Flight): readonly Header[] {
    return endToEnd(incoming);
  }

  /** The client has gone: nobody wants the pod's answer any more. */
  protected leave({ upstream }: Attempt): void {
    upstream?.destroy();
  }

  /** The pod has not begun to answer in time. */
  protected tire({ upstream }: Attempt): void {
    upstream?.destroy(new Refusal(504, "the pod did not begin to answer in time"));
  }

  protected async passBack(attempt: Attempt, reply: IncomingMessage): Promise<void> {
    if (this.habits.retries503 === true && statusOf(reply) === 503 && this.hasUntried(attempt.flight)) {
      reply.once("error", () => undefined).resume();
      this.end(attempt, "error");
      return this.attempt(attempt.flight);
    }
    const { client } = attempt.flight;
    this.begin(attempt, reply);
    for await (const piece of this.pieces(reply)) {
      if (!client.write(piece)) await this.drained(client);
    }
    client.end();
  }

  protected begin(attempt: Attempt, reply: IncomingMessage): void {
    const { client } = attempt.flight;
    if (client.headersSent) return;
    const { status, headers } = this.head(reply);
    this.count(status, attempt.pod);
    client.writeHead(status, [...headers, ...this.ownHeaders(attempt)].flat());
    client.flushHeaders();
  }

  protected head(reply: IncomingMessage): Head {
    return { status: statusOf(reply), headers: endToEnd(reply) };
  }

  protected count(status: number, pod: string): void {
    this.pages.answered(status, pod);
  }

  protected ownHeaders({ pod, decision }: Attempt): readonly Header[] {
    return [
      [POD_HEADER, pod],
      [DECISION_HEADER, JSON.stringify(decision)],
    ];
  }

  protected pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    return reply;
  }

  /** A slow client holds its pod back. */
  protected async drained(client: ServerResponse): Promise<void> {
    if (client.destroyed) return;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        client.off("drain", goOn).off("close", goOn);
        resolve();
      };
      client.on("drain", goOn).on("close", goOn);
    });
  }

  protected end(attempt: Attempt, outcome: Outcome): void {
    if (this.open.delete(attempt)) this.#router.finished(attempt.id, outcome, this.#clock.nowMs());
  }

  /** @throws {Refusal} when no other pod may serve it */
  protected async failed({ pod, flight }: Attempt, error: NodeJS.ErrnoException): Promise<void> {
    this.#breaker.failed(pod);
    if (flight.client.headersSent) return this.breakOff(flight);
    if (error instanceof Refusal) throw error;
    if (error.code !== "ECONNREFUSED") throw new Refusal(502, "the pod broke the connection");
    return this.goElsewhere(flight);
  }

  /** The pod broke its answer off, and the client has the beginning. */
  protected async breakOff({ client }: Flight): Promise<void> {
    client.socket?.resetAndDestroy();
  }

  /** The pod took no connection. */
  protected async goElsewhere(flight: Flight): Promise<void> {
    if (this.hasUntried(flight)) return this.attempt(flight);
    throw new Refusal(502, "no pod accepts connections");
  }

  protected hasUntried({ tried }: Flight): boolean {
    return tried.size < Math.min(MOST_ATTEMPTS, this.pods.length);
  }

  /** How long a pod may take to begin its answer; undefined: as long as it likes. */
  protected firstByteMs(): number | undefined {
    return this.habits.firstByteMs;
  }

  /** How long a pod that failed several times is left out; undefined: none ever is. */
  protected recoveryMs(): number | undefined {
    return this.habits.recoveryMs;
  }
}

export const statusOf = ({ statusCode = 502 }: IncomingMessage): number => statusCode;

/** Resolves when the answer begins. @throws whatever broke the request before */
export function replyTo(upstream: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => upstream.once("response", resolve).on("error", reject));
}
