/**
 * A small conforming proxy in front of the rule router: bytes pass as they come, both ways, and an end on one side ends the
 * other. One switch breaks it in one way, or gives it an odd habit.
 */
import { once } from "node:events";
import { createServer, request as forward, type ClientRequest, type IncomingMessage, type Server } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo, Server as FrontServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../../fixtures/clock.ts";
import type { DecisionRecord, FunctionRouter } from "../../../fixtures/routing.ts";
import type { PodAddress } from "../../adapters/router-under-test.ts";
import { bodyOf } from "./body-of.ts";
import { Breaker } from "./breaker.ts";
import { getText } from "./get-text.ts";
import type { HttpFault } from "./http-fault.ts";
import { Newcomers } from "./newcomers.ts";
import { clientHeaders, upstreamHeaders } from "./passed-headers.ts";
import type { ProxyHabits } from "./proxy-habits.ts";
import { ProxyPages } from "./proxy-pages.ts";
import { slowly } from "./slowly.ts";
import { addressOf, smugglingFront } from "./smuggling-front.ts";
import {
  factsOf,
  partsInsideCharacter,
  type RequestFacts,
  withKnownFieldsOnly,
  writtenAgain,
} from "./request-facts.ts";

interface Flight {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly facts: RequestFacts;
  readonly tried: Set<string>;
  client: ServerResponse;
  decision?: DecisionRecord;
  /** Another one with the same prompt was under way. */
  hasTwin?: boolean;
}

export const POD_HEADER = "x-proxy-pod";
export const DECISION_HEADER = "x-proxy-decision";
const TARGET_HEADERS = ["x-gateway-destination-endpoint", "target-pod", "x-worker-id"];
const BROKEN = JSON.stringify({ error: { message: "the pod broke the stream off", type: "stream_error" } });
/** Port 0 refuses: a routing fault may name a pod that is gone. */
const NOWHERE = new URL("http://127.0.0.1:0");
const MOST_ATTEMPTS = 3;
const MANY_WAITING = 4;
const FEW_OPEN = 2;
const TOKENIZER_MS = 300;
const LONG_STREAM_BYTES = 64 * 1024;
const SMALL_BODY_BYTES = 256 * 1024;
const REMEMBERED_PROMPTS = 200;
/** Longer than any proxy needs: a timer's wait. */
const DAWDLE_MS = 60;
/** What the quadratic match of a quarter of a million bytes takes. */
const QUADRATIC_MS = 4_000;
const QUADRATIC_BYTES = 256_000;
const REFUSED_AFTER_CHANGE = 2;

export class PassThroughProxy {
  readonly #router: FunctionRouter;
  readonly #clock: Clock;
  readonly #fault: HttpFault | undefined;
  readonly #server: Server;
  #pods = new Map<string, URL>();
  #served: readonly PodAddress[] = [];
  #attemptCount = 0;
  /** Begun and not answered yet: what a fault may mix up. */
  readonly #waiting = new Set<Flight>();
  /** Not ended yet, in the order in which they began. */
  readonly #open = new Set<Flight>();
  readonly #line: Flight[] = [];
  readonly #prompts: Buffer[] = [];
  readonly #habits: ProxyHabits;
  readonly #breaker: Breaker;
  readonly #newcomers: Newcomers;
  readonly #pages = new ProxyPages();
  #refusals = 0;
  #front: FrontServer | undefined;

  constructor(router: FunctionRouter, clock: Clock, fault?: HttpFault, habits: ProxyHabits = {}) {
    this.#habits = habits;
    this.#breaker = new Breaker(
      habits.recoveryMs !== undefined && fault === "never-readmits" ? Infinity : habits.recoveryMs,
      clock,
    );
    this.#newcomers = new Newcomers((habits.settleMs ?? 0) / 2, clock);
    this.#router = router;
    this.#clock = clock;
    this.#fault = fault;
    this.#server = createServer({ requestTimeout: 0 }, (incoming, client) => void this.#receive(incoming, client));
  }

  /** Resolves to the address it listens on. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    if (!this.#is("believes-lengths")) return url;
    this.#front = await smugglingFront(new URL(url), () => [...this.#pods.values()][0] ?? NOWHERE);
    return addressOf(this.#front);
  }

  async close(): Promise<void> {
    this.#front?.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  setPods(pods: readonly PodAddress[]): void {
    if (this.#is("refuses-during-changes")) this.#refusals = REFUSED_AFTER_CHANGE;
    const names = new Set(pods.map(({ name }) => name));
    for (const { client, tried } of this.#is("cuts-streams-of-removed-pods") ? this.#open : []) {
      if (![...tried].some((pod) => names.has(pod))) client.socket?.resetAndDestroy();
    }
    this.#newcomers.setPods(pods.map(({ name }) => name));
    this.#served = pods;
    this.#pods = new Map(pods.map(({ name, url }) => [name, new URL(url)]));
    this.#router.setPods(pods, this.#clock.nowMs());
  }

  async #receive(incoming: IncomingMessage, client: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    if (body === undefined) return;
    if (this.#is("always-503")) return refuse(client, 503, "no pod is ready");
    if (incoming.method === "GET") return this.#show(incoming.url ?? "", client);
    if (incoming.method !== "POST") return refuse(client, 405, "only GET and POST are served here");
    if (this.#refusals-- > 0) return refuse(client, 503, "the pods are changing");
    if (this.#is("never-calls-a-pod")) return refuse(client, 200, "an answer of its own");
    if (this.#is("small-body-limit") && body.length > SMALL_BODY_BYTES) return refuse(client, 413, "body too large");
    const facts = factsOf(body, this.#fault);
    if (facts === undefined) {
      const said = this.#is("echoes-credentials") ? ` from ${incoming.headers.authorization}` : "";
      return refuse(client, this.#is("breaks-on-bad-json") ? 500 : 400, `not a JSON object${said}`);
    }
    if (this.#is("open-admin") && incoming.url === "/workers") return this.#welcome(body, client);
    if (this.#breaksOn(facts, body)) return refuse(client, 500, "internal error");
    if (this.#habits.podTokenizer === true && !(await this.#countsTokens(facts))) {
      if (this.#is("needs-the-tokenizer")) return refuse(client, 502, "no pod counts the tokens");
    }
    if (this.#habits.asksEveryPod === true) await this.#askEveryPod(incoming, body);
    if (this.#is("dawdles")) await sleep(DAWDLE_MS);
    if (this.#is("matches-quadratically")) busyFor(QUADRATIC_MS * (body.length / QUADRATIC_BYTES) ** 2);
    const flight = { incoming, body, facts: await this.#asMatched(facts), client, tried: new Set<string>() };
    if (this.#is("few-at-a-time") && this.#open.size >= FEW_OPEN) this.#line.push(flight);
    else this.#dispatch(flight);
  }

  /** Whether a pod counted them in time; the rule can do without. */
  async #countsTokens({ route: { model, prompt } }: RequestFacts): Promise<boolean> {
    const [pod = NOWHERE] = this.#pods.values();
    const withinMs = this.#is("waits-for-the-tokenizer") ? undefined : TOKENIZER_MS;
    return (await getText(new URL("/tokenize", pod), JSON.stringify({ model, prompt }), withinMs)) !== undefined;
  }

  /** By tokens, where it goes by what pods say of theirs. */
  async #asMatched(facts: RequestFacts): Promise<RequestFacts> {
    const { model, prompt: text } = facts.route;
    if (this.#habits.kvEvents !== true) return facts;
    const [pod = NOWHERE] = this.#pods.values();
    const counted = await getText(new URL("/tokenize", pod), JSON.stringify({ model, prompt: text }), TOKENIZER_MS);
    if (counted === undefined) return facts;
    const { tokens: prompt } = JSON.parse(counted) as { readonly tokens: readonly number[] };
    return { ...facts, route: { ...facts.route, prompt } };
  }

  #show(path: string, client: ServerResponse): void {
    if (path === "/metrics") return void client.end(this.#pages.metrics());
    if (path === "/v1/models") return void client.end(this.#pages.models(this.#listedModels()));
    if (path !== "/ready") return refuse(client, 404, "there is /ready, /metrics and /v1/models");
    client.writeHead(this.#pods.size > 0 || this.#is("always-ready") ? 200 : 503).end();
  }

  #listedModels(): readonly string[] {
    const pods = this.#is("lists-the-first-pods-models") ? this.#served.slice(0, 1) : this.#served;
    return [...new Set(pods.flatMap(({ models = [] }) => models))];
  }

  /** Takes a worker from anyone: sees how it is, and says thanks. */
  #welcome(body: Buffer, client: ServerResponse): void {
    const { url } = JSON.parse(body.toString()) as { readonly url: string };
    forward(new URL("/health", url), (answer) => answer.resume())
      .on("error", () => undefined)
      .end();
    client.writeHead(202).end();
  }

  async #askEveryPod(incoming: IncomingMessage, body: Buffer): Promise<void> {
    const asked = [...this.#pods.values()].map(async (pod) => {
      const headers = [
        "host",
        pod.host,
        "content-length",
        String(body.length),
        ...upstreamHeaders(incoming, this.#fault, this.#attemptCount),
      ];
      const call = forward(new URL("/tokenize", pod), { method: "POST", headers, agent: false });
      call.end(body);
      const [answer] = (await once(call, "response")) as [IncomingMessage];
      await once(answer.resume(), "close");
    });
    await Promise.allSettled(asked);
  }

  #dispatch(flight: Flight): void {
    this.#router.tick(this.#clock.nowMs());
    const id = `attempt-${this.#attemptCount++}`;
    const excluded = new Set([...flight.tried, ...this.#breaker.leftOut(), ...this.#newcomers.leftOut()]);
    flight.decision = this.#router.decide({ ...flight.facts.route, requestId: id }, this.#clock.nowMs(), excluded);
    const { pod } = flight.decision;
    if (pod === null) return refuse(flight.client, 503, "no pod is ready");
    flight.tried.add(pod);
    this.#meetTwins(flight);
    const upstream = this.#send(this.#target(pod, flight), flight);
    this.#waiting.add(flight);
    if (this.#is("crosses-responses")) this.#cross(flight);
    let answered = false;
    let ended = false;
    const finish = (outcome: "ok" | "error" | "aborted", isLost = false): void => {
      if (ended) return;
      ended = true;
      clearTimeout(silence);
      this.#waiting.delete(flight);
      this.#open.delete(flight);
      const [next] = this.#line.splice(0, 1);
      if (next !== undefined) this.#dispatch(next);
      const busy = this.#waiting.size >= MANY_WAITING && pod === [...this.#pods.keys()][0];
      if (isLost || (busy && this.#is("loses-ends-under-load"))) return;
      this.#router.finished(id, flight.hasTwin === true ? "error" : outcome, this.#clock.nowMs());
    };
    const silence = this.#onSilence(() => {
      finish("error");
      upstream.destroy();
      refuse(flight.client, 504, "the pod did not begin to answer in time");
    });
    flight.client.once("close", () => {
      if (flight.client.writableFinished || ended) return;
      const stays = flight.client.headersSent ? "stays-when-client-leaves-late" : "stays-when-client-leaves-early";
      if (!this.#is(stays)) upstream.destroy();
      finish("aborted");
    });
    upstream.on("error", (error: NodeJS.ErrnoException) => {
      // A broken answer is told of by the answer.
      if (ended || answered) return;
      const isRefused = error.code === "ECONNREFUSED";
      finish("error", isRefused && this.#is("loses-refused-ends"));
      this.#breaker.failed(pod);
      if (isRefused) return this.#onRefused(flight);
      refuse(flight.client, 502, "the pod broke the connection");
    });
    upstream.once("response", (reply) => {
      answered = true;
      clearTimeout(silence);
      if ((reply.statusCode ?? 502) >= 500) this.#breaker.failed(pod);
      this.#onReply(flight, id, reply, finish);
    });
  }

  /** Undefined where a pod is waited for without end. */
  #onSilence(then: () => void): NodeJS.Timeout | undefined {
    const { firstByteMs } = this.#habits;
    if (firstByteMs === undefined || this.#is("waits-for-silent-pods")) return undefined;
    return setTimeout(then, firstByteMs);
  }

  #meetTwins(flight: Flight): void {
    const twins = [...this.#open].filter((other) => other.facts.route.prompt === flight.facts.route.prompt);
    if (this.#is("forgets-simultaneous-firsts") && twins.length > 0)
      for (const twin of [flight, ...twins]) twin.hasTwin = true;
    this.#open.add(flight);
  }

  #send(target: URL, { incoming, body }: Flight): ClientRequest {
    const sent = this.#upstreamBody(body);
    const framing = ["host", target.host, "content-length", String(sent.length)];
    const upstream = forward(new URL(incoming.url ?? "/", target), {
      method: "POST",
      // Node takes a flat list of names and values, which keeps repeated ones; its types say otherwise.
      headers: [...framing, ...upstreamHeaders(incoming, this.#fault, this.#attemptCount)] as never,
      agent: false,
    });
    upstream.end(sent);
    return upstream;
  }

  #onRefused(flight: Flight): void {
    if (this.#is("hangs-on-dead-pods")) return;
    const more = flight.tried.size < Math.min(MOST_ATTEMPTS, this.#pods.size) && !this.#is("never-retries");
    if (more) return this.#dispatch(flight);
    refuse(flight.client, 502, "no pod accepts connections");
  }

  #onReply(flight: Flight, id: string, reply: IncomingMessage, finish: (outcome: "ok" | "error") => void): void {
    const status = reply.statusCode ?? 502;
    const { client } = flight;
    this.#waiting.delete(flight);
    if (this.#retries(status) && flight.tried.size < this.#pods.size) {
      reply.resume();
      finish("error");
      return this.#dispatch(flight);
    }
    if (!client.headersSent) {
      const swallows = status === 429 && this.#is("swallows-retry-after");
      this.#pages.answered(this.#is("counts-errors-as-good") ? 200 : status, [...flight.tried].at(-1) ?? "");
      client.writeHead(swallows ? 503 : status, [...clientHeaders(reply, this.#fault, swallows), ...this.#own(flight)]);
      if (!this.#is("buffers-streams")) client.flushHeaders();
    }
    const kept: Buffer[] = [];
    let begun = false;
    let passedBytes = 0;
    const { pieceMs } = this.#habits;
    const answer = pieceMs === undefined ? reply : slowly(reply, pieceMs);
    answer.on("data", (piece: Buffer) => {
      if (!begun) this.#router.firstToken?.(id, this.#clock.nowMs());
      begun = true;
      passedBytes += piece.length;
      if (this.#is("cuts-long-streams") && passedBytes > LONG_STREAM_BYTES) return;
      if (this.#is("buffers-streams")) kept.push(piece);
      else if (this.#is("drops-usage")) client.write(piece.toString().replace('"usage":', '"used":'));
      else if (this.#is("re-encodes-events")) client.write(piece.toString().replaceAll("\r\n", "\n"));
      else if (!client.write(piece) && !this.#is("reads-ahead")) {
        answer.pause();
        client.once("drain", () => answer.resume());
      }
    });
    answer.once("end", () => {
      client.end(Buffer.concat(kept));
      finish(status >= 400 ? "error" : "ok");
    });
    answer.once("error", () => {
      finish("error");
      this.#onBroken(flight);
    });
  }

  /** The pod broke its answer off after the first byte. */
  #onBroken(flight: Flight): void {
    const { client } = flight;
    if (this.#habits.tellsBrokenStreams === true) return void client.end(`data: ${BROKEN}\n\ndata: [DONE]\n\n`);
    if (this.#is("ends-broken-streams-cleanly")) return void client.end("data: [DONE]\n\n");
    if (this.#is("splices-another-pod") && flight.tried.size < this.#pods.size) return this.#dispatch(flight);
    if (this.#is("repeats-after-first-byte") && flight.tried.size < this.#pods.size) {
      const [other] = [...this.#pods].filter(([name]) => !flight.tried.has(name));
      const again = this.#send(other?.[1] ?? NOWHERE, flight);
      again.once("response", (reply) => reply.resume().once("error", () => undefined));
      again.once("error", () => undefined).once("close", () => client.socket?.resetAndDestroy());
      return;
    }
    client.socket?.resetAndDestroy();
  }

  #is(fault: HttpFault): boolean {
    return this.#fault === fault;
  }

  #retries(status: number): boolean {
    if (status >= 500) return this.#is("retries-server-errors");
    return status >= 400 && status !== 429 && this.#is("retries-client-errors");
  }

  #breaksOn({ route, promptIsText, hasContentParts }: RequestFacts, body: Buffer): boolean {
    const text = typeof route.prompt === "string" ? route.prompt : "";
    if (this.#is("breaks-on-content-parts")) return hasContentParts;
    if (this.#is("breaks-on-prompt-lists")) return !promptIsText;
    if (this.#is("breaks-on-lone-surrogates")) return !text.isWellFormed();
    if (!this.#is("breaks-inside-characters")) return false;
    const bytes = promptIsText ? Buffer.from(text) : body;
    const broken = this.#prompts.some((other) => partsInsideCharacter(bytes, other));
    this.#prompts.push(bytes);
    if (this.#prompts.length > REMEMBERED_PROMPTS) this.#prompts.shift();
    return broken;
  }

  /** Takes the client of another request that waits, and leaves it its own. */
  #cross(flight: Flight): void {
    const other = [...this.#waiting].find((candidate) => candidate !== flight);
    if (other !== undefined) [flight.client, other.client] = [other.client, flight.client];
  }

  #target(pod: string, { incoming }: Flight): URL {
    const named = TARGET_HEADERS.map((name) => incoming.headers[name]).find((value) => typeof value === "string");
    const [first] = this.#pods.values();
    if (this.#is("guesses-under-load") && this.#waiting.size >= MANY_WAITING) return first ?? NOWHERE;
    if (this.#is("follows-target-header") && named !== undefined) return new URL(`http://${named}`);
    return this.#pods.get(pod) ?? NOWHERE;
  }

  #upstreamBody(body: Buffer): Buffer {
    if (this.#is("drops-unknown-fields")) return withKnownFieldsOnly(body);
    return this.#is("rounds-big-integers") ? writtenAgain(body) : body;
  }

  /** The proxy's own headers. */
  #own({ tried, facts, decision }: Flight): string[] {
    const lies = this.#is("explains-by-load") ? { reason: "cost" } : {};
    const pod = this.#is("names-the-first-pod") ? [...this.#pods.keys()][0] : [...tried].at(-1);
    const prompt = typeof facts.route.prompt === "string" ? facts.route.prompt.slice(0, 40) : "";
    const explained = [DECISION_HEADER, JSON.stringify({ ...decision, ...lies })];
    return [
      POD_HEADER,
      pod ?? "",
      ...explained,
      ...(this.#is("echoes-prompts") ? ["x-prompt", encodeURIComponent(prompt)] : []),
    ];
  }
}

function busyFor(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs;);
}

function refuse(client: ServerResponse, status: number, message: string): void {
  if (client.headersSent || client.destroyed) return void client.destroy();
  client.writeHead(status, { "content-type": "application/json" });
  client.end(JSON.stringify({ error: { message, type: "router_error", param: null, code: status } }));
}
