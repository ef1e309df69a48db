/** One request on its way through the proxy, and what the proxy answers of its own accord. */
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { DecisionRecord } from "../../../fixtures/routing.ts";
import type { RequestFacts } from "./request-facts.ts";

/** A request that has come whole. */
export interface Call {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly client: ServerResponse;
}

/** One that is to be served, by one pod or, in turn, by several. */
export interface Flight {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly facts: RequestFacts;
  readonly tried: Set<string>;
  client: ServerResponse;
}

/** One pod's turn at it. */
export interface Attempt {
  /** Its name at the router. */
  readonly id: string;
  readonly flight: Flight;
  readonly decision: DecisionRecord;
  readonly pod: string;
  upstream?: ClientRequest;
  /** The pod has begun to answer. */
  isAnswered: boolean;
  clientLeft: boolean;
}

/** How many of these no pod has begun to answer. */
export const waiting = (open: ReadonlySet<Attempt>): number => [...open].filter(({ isAnswered }) => !isAnswered).length;

/** What the client is told instead of a pod's answer. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A client that has the beginning of an answer, or has left, gets no more. */
export function refuse(client: ServerResponse, { status, message }: Refusal): void {
  if (client.headersSent || client.destroyed) return void client.destroy();
  client.writeHead(status, { "content-type": "application/json" });
  client.end(JSON.stringify({ error: { message, type: "router_error", param: null, code: status } }));
}
