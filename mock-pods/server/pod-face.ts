/**
 * A pod's HTTP face without the socket: middleware, routes and the endpoints behind them.
 *
 * The order of the layers is vLLM's (`launchers/api_server`, 0.32): request id, API key, CORS, then the routes.
 */
import type { StepOutput } from "../engine/engine.ts";
import { json, type Answer } from "./answer.ts";
import type { EngineGate } from "./engine-gate.ts";
import type { Exchange, HeaderPairs } from "./exchange.ts";
import { RouteTable, type Route } from "./routes.ts";

export interface PodFaceOptions {
  readonly podName: string;
  readonly engine: EngineGate;
  /** Served beside vLLM's own: `/metrics`, `/__pod/*`. */
  readonly routes: readonly Route[];
}

export interface PodFace {
  answer(exchange: Exchange): void;
  /** Must be told of every step of the engine, in order. */
  onStep(step: StepOutput): void;
}

export function createPodFace(options: PodFaceOptions): PodFace {
  const routes = new RouteTable(options.routes);

  function respond(exchange: Exchange, answer: Answer, route?: string): void {
    exchange.reply.send(answer.status, headersOf(options.podName, answer), answer.body);
    exchange.record.ended("finished", answer.status, route);
  }

  function answer(exchange: Exchange): void {
    const match = routes.match(exchange.method, exchange.path);
    switch (match.kind) {
      case "found":
        void Promise.resolve(match.route.handle(exchange)).then((answer) => {
          if (answer !== undefined) respond(exchange, answer, match.route.path);
        });
        return;
      case "wrong-method":
        return respond(exchange, json(405, { detail: "Method Not Allowed" }, [["allow", match.allow]]));
      case "redirect":
        return respond(exchange, { status: 307, headers: [["location", match.path]], body: "" });
      case "unknown":
        return respond(exchange, json(404, { detail: "Not Found" }));
    }
  }

  return { answer, onStep: () => undefined };
}

function headersOf(podName: string, answer: Answer): HeaderPairs {
  const headers: [string, string][] = [
    ["date", new Date().toUTCString()],
    ["server", "uvicorn"],
  ];
  for (const [name, value] of answer.headers ?? []) headers.push([name, value]);
  headers.push(["content-length", String(byteLength(answer.body))]);
  if (answer.contentType !== undefined) headers.push(["content-type", answer.contentType]);
  headers.push(["x-inference-pod", podName]);
  return headers;
}

function byteLength(body: string | Uint8Array): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}
