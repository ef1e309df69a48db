/**
 * A pod's HTTP face without the socket: middleware, routes and the endpoints behind them.
 *
 * The order of the layers is vLLM's (`entrypoints/serve/middleware`, 0.32): request id, API key, CORS, then the routes.
 */
import type { ModelTokenizer } from "../../fixtures/tokenizer/model-tokenizer.ts";
import { batchBody } from "../../fixtures/wire/batch-request.ts";
import { encodable, Refusal, UncaughtError, unencodable, CaughtError } from "../../fixtures/wire/errors.ts";
import { UnreadableBody } from "../../fixtures/wire/validation/request-body.ts";
import { WrongBody } from "../../fixtures/wire/validation/wrong-body.ts";
import type { DecodePlan, StepOutput } from "../engine/engine.ts";
import { type Answer, json, text } from "./http/answer.ts";
import { isAuthorized } from "./middleware/authentication.ts";
import { corsHeaders, preflight } from "./middleware/cors.ts";
import { batchEndpoint } from "./endpoints/batch-endpoint.ts";
import { chatEndpoint } from "./endpoints/chat-endpoint.ts";
import { completionsEndpoint } from "./endpoints/completions-endpoint.ts";
import { devRoutes } from "./endpoints/dev-endpoints.ts";
import { docsRoutes } from "./endpoints/docs-endpoints.ts";
import { invocationsEndpoint } from "./endpoints/invocations-endpoint.ts";
import { adapterRoutes } from "./endpoints/adapter-endpoints.ts";
import { loraRoutes } from "./endpoints/lora-endpoints.ts";
import { messagesRoutes } from "./endpoints/messages-endpoint.ts";
import { responsesRoutes } from "./endpoints/responses-endpoint.ts";
import { scaleOutRoutes } from "./endpoints/render-endpoints.ts";
import { scalingRoutes } from "./endpoints/scaling-endpoints.ts";
import { scoringRoutes } from "./endpoints/scoring-endpoints.ts";
import { serviceRoutes } from "./endpoints/service-endpoints.ts";
import { tokenizeRoutes } from "./endpoints/tokenize-endpoints.ts";
import type { EngineGate } from "./engine-gate.ts";
import type { Exchange, HeaderPairs } from "./http/exchange.ts";
import { GenerationHub } from "./generation/generation-hub.ts";
import { commonWords, type Model } from "./generation/model-answer.ts";
import { ModelRegistry } from "./model-registry.ts";
import type { PodContext } from "./pod-context.ts";
import { randomHex } from "./random-id.ts";
import { Responder } from "./http/responder.ts";
import { RouteTable, type Match, type Route } from "./routes.ts";
import type { ServeSettings } from "./serve-settings.ts";
import type { ErrorsProfile } from "../versions/errors.ts";

export interface PodFaceOptions {
  readonly podName: string;
  readonly settings: ServeSettings;
  readonly tokenizer: ModelTokenizer;
  readonly engine: EngineGate;
  /** Served beside vLLM's own: `/metrics`, `/__pod/*`. */
  readonly routes: readonly Route[];
  readonly publishedAt: PodContext["publishedAt"];
  /** What the model says; common words unless given. */
  readonly model?: Model;
}

export interface PodFace {
  answer(exchange: Exchange): void;
  /** Must be told of every step of the engine, in order. */
  onStep(step: StepOutput): void;
  /** Hears of the steps of a run, each as it ends. */
  follow(plan: DecodePlan): (step: number) => void;
  /** SIGTERM: new requests are answered with 500 while those in progress go on. */
  drain(): void;
  /** Ends every generation with finish reason `abort`, and the engine: what comes then is answered with 500. */
  end(): void;
  /** Resolves when no generation is in flight, or after `timeoutMs` real milliseconds. */
  idle(timeoutMs: number): Promise<void>;
  readonly settings: ServeSettings;
}

export function createPodFace(options: PodFaceOptions): PodFace {
  const { settings, podName } = options;
  const pod: PodContext = {
    settings,
    tokenizer: options.tokenizer,
    engine: options.engine,
    hub: new GenerationHub(options.engine),
    model: options.model ?? commonWords(options.tokenizer),
    models: new ModelRegistry(settings),
    publishedAt: options.publishedAt,
    state: { paused: false, asleep: [], weightVersion: "default", draining: false, ended: false, load: 0 },
  };
  const { missing } = settings.version.routes;
  const own = ownRoutes(pod).filter(({ path }) => !missing.includes(path));
  const docs = settings.docs ? docsRoutes(own) : [];
  const routes = new RouteTable([...docs, ...own, ...options.routes]);

  function answer(exchange: Exchange): void {
    const trailing = (outermost: boolean) => (outermost ? nameHeader(podName) : ownHeaders(exchange, true));
    if (exchange.method !== "OPTIONS" && !isAuthorized(settings, exchange)) {
      const frame = { trailing: () => ownHeaders(exchange, false) };
      return new Responder(exchange, frame, null).send(json(401, { error: "Unauthorized" }));
    }
    const flight = preflight(settings, exchange);
    if (flight !== undefined) {
      const frame = { trailing: () => ownHeaders(exchange, false) };
      return new Responder(exchange, frame, null).send(flight);
    }
    const match = routes.match(exchange.method, exchange.path);
    const responder = new Responder(exchange, { trailing }, countedAs(match, exchange.path));
    switch (match.kind) {
      case "found":
        return handle(settings.version.errors, match.route, exchange, responder);
      case "wrong-method":
        return responder.send(json(405, { detail: "Method Not Allowed" }, [["allow", match.allow]]));
      case "redirect":
        return responder.send({ status: 307, headers: [["location", location(exchange, match.path)]], body: "" });
      case "unknown":
        return responder.send(json(404, { detail: "Not Found" }));
    }
  }

  /** What the middleware adds: CORS, the request's id, and the pod's name, which no vLLM sends. */
  function ownHeaders(exchange: Exchange, withCors: boolean): HeaderPairs {
    const headers: [string, string][] = withCors ? corsHeaders(settings, exchange) : [];
    if (settings.requestIdHeaders) {
      headers.push(["x-request-id", exchange.headers["x-request-id"] ?? randomHex(32)]);
    }
    return [...headers, ...nameHeader(podName)];
  }

  return {
    answer,
    onStep: (step) => pod.hub.onStep(step),
    follow: (plan) => pod.hub.follow(plan),
    drain: () => void (pod.state.draining = true),
    end() {
      pod.state.ended = true;
      pod.hub.abortAll();
    },
    idle: (timeoutMs) => pod.hub.idle(timeoutMs),
    settings,
  };
}

function ownRoutes(pod: PodContext): Route[] {
  const { settings } = pod;
  const { chat, completion } = settings.version.requests;
  const methods = ["POST"];
  return [
    { methods, path: "/v1/completions", handle: completionsEndpoint(pod), body: completion.schema },
    { methods, path: "/v1/chat/completions", handle: chatEndpoint(pod), body: chat.schema },
    { methods, path: "/v1/chat/completions/batch", handle: batchEndpoint(pod), body: batchBody.schema },
    { methods, path: "/invocations", handle: invocationsEndpoint(pod) },
    ...messagesRoutes(pod),
    ...responsesRoutes(pod),
    ...scoringRoutes(pod),
    ...scalingRoutes,
    ...serviceRoutes(pod),
    ...scaleOutRoutes(pod),
    ...tokenizeRoutes(pod),
    ...(settings.devMode ? devRoutes(pod) : []),
    ...(settings.runtimeLora && settings.lora ? [...loraRoutes(pod), ...adapterRoutes(pod)] : []),
  ];
}

function handle(errors: ErrorsProfile, route: Route, exchange: Exchange, responder: Responder): void {
  const refused = (error: unknown) => refuse(errors, responder, error);
  try {
    const answer = route.handle(exchange, responder);
    if (answer instanceof Promise) {
      answer.then((late) => late && responder.send(sendable(late))).catch(refused);
    } else if (answer !== undefined) responder.send(sendable(answer));
  } catch (error) {
    refused(error);
  }
}

/** @throws {Refusal} */
function sendable(answer: Answer): Answer {
  const error = typeof answer.body === "string" && answer.body.includes("\\ud") ? unencodable(answer.body) : undefined;
  if (error !== undefined) throw error;
  return answer;
}

function refuse(errors: ErrorsProfile, responder: Responder, thrown: unknown): void {
  const told = thrown instanceof WrongBody ? worded(thrown, errors) : thrown;
  const error = told instanceof Refusal ? encodable(told) : told;
  if (error instanceof UncaughtError) {
    return responder.send({ ...text(500, "Internal Server Error"), outermost: true });
  }
  if (error instanceof UnreadableBody) return responder.send(json(error.status, { detail: error.message }));
  if (!(error instanceof Refusal)) {
    // A mistake of ours. A client that saw its connection end would look for it elsewhere.
    console.error("a pod failed to answer a request:", error);
    return responder.send({ ...text(500, "Internal Server Error"), outermost: true });
  }
  // An unforeseen error is answered by the outermost layer, past all middleware.
  const body = errors.shape === "nested" ? error.body : error.flatBody;
  responder.send({
    ...json(error.status, body),
    outermost: error.status === 500 && !(error instanceof CaughtError),
  });
}

function worded(error: WrongBody, { wrongFields, wrongFieldsType }: ErrorsProfile): Refusal {
  switch (wrongFields) {
    case "list":
      return error.asList(wrongFieldsType);
    case "tuples":
      return error.asTuples();
    case "dotted":
      return error;
  }
}

/** Who counts requests takes a redirect for a route of its own. */
function countedAs(match: Match, path: string): string | undefined {
  if (match.kind === "found") return match.route.path;
  return match.kind === "redirect" ? path : undefined;
}

function nameHeader(podName: string): HeaderPairs {
  return [["x-inference-pod", podName]];
}

/** uvicorn believes a proxy on its own machine. */
function location({ headers, search }: Exchange, path: string): string {
  const scheme = /^\s*(https?)\s*$/.exec(headers["x-forwarded-proto"] ?? "")?.[1] ?? "http";
  return `${scheme}://${headers["host"] ?? "localhost"}${path}${search}`;
}
