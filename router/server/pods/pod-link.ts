/** One pod as the shell holds it: its connections, its health, and the requests it is working on. */
import { Pool } from "undici";
import { CircuitBreaker, type BreakerOptions } from "./circuit-breaker.ts";
import type { PodSpec } from "./pod-spec.ts";

/** One entry of a pod's `/v1/models`, kept whole so that the union shows what the pod said. */
export interface ModelCard {
  readonly id: string;
  readonly [field: string]: unknown;
}

export interface PodTimeouts {
  readonly connectMs: number;
  /** From the request sent to the first byte of the answer's head. */
  readonly firstByteMs: number;
  /** Between two pieces of an answer. */
  readonly idleMs: number;
}

/** `starting`: not probed yet. `suspect`: a connection just failed and the next probe decides. */
export type PodHealth = "starting" | "healthy" | "suspect" | "unhealthy";

export class PodLink {
  readonly spec: PodSpec;
  readonly pool: Pool;
  readonly breaker: CircuitBreaker;
  /** Path before `/v1/...`, for a pod behind a prefix. */
  readonly basePath: string;
  health: PodHealth = "starting";
  /** Why the last probe or connection failed. */
  trouble: string | undefined;
  models: readonly ModelCard[] | undefined;
  /** When its process started, in seconds since the epoch, as its metrics page last said. */
  startedSeconds: number | undefined;
  /** KV cache usage as the pod's metrics page last said it, and when by `performance.now()`. */
  kvUsage: { readonly ratio: number; readonly atMs: number } | undefined;
  inFlight = 0;
  /** When, by `performance.now()`, it last sent a byte of an answer. */
  lastHeardMs = -Infinity;

  constructor(spec: PodSpec, timeouts: PodTimeouts, breaker: BreakerOptions) {
    const url = new URL(spec.url);
    this.spec = spec;
    this.basePath = url.pathname === "/" ? "" : url.pathname;
    this.breaker = new CircuitBreaker(breaker);
    this.pool = new Pool(url.origin, {
      // As many sockets as there are requests: a queue here would be invisible to the load the router decides by.
      connections: null,
      pipelining: 1,
      allowH2: false,
      connectTimeout: timeouts.connectMs,
      headersTimeout: timeouts.firstByteMs,
      bodyTimeout: timeouts.idleMs,
    });
  }

  get name(): string {
    return this.spec.name;
  }

  /** In the set that the decision is told about. A suspect stays in it, so that a blip does not cost its prefixes. */
  get ready(): boolean {
    return this.health === "healthy" || this.health === "suspect";
  }

  /** Models it serves; undefined means any. */
  get modelNames(): readonly string[] | undefined {
    return this.spec.models ?? this.models?.map(({ id }) => id);
  }

  serves(model: string): boolean {
    return this.modelNames?.includes(model) ?? true;
  }

  /** A fresh request may be tried here now. */
  available(nowMs: number): boolean {
    return this.health === "healthy" && this.breaker.allows(nowMs);
  }
}
