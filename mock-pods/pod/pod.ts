/** A running mock pod and a fleet of them, as tests, the conformance kit and the command line see them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Model } from "../server/generation/model-answer.ts";
import type { Fault, FaultPlan } from "../faults/fault.ts";
import type { BlockView, EngineStats } from "../engine/engine.ts";

/** One request as a pod saw it. Plain JSON but for the body bytes. */
export interface JournalEntry {
  readonly pod: string;
  /** `x-request-id` if the client sent one, else the id the pod made. */
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** Raw header pairs, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** Like every time here in simulated milliseconds since the fleet, or a pod of its own, was made. */
  readonly arrivedMs: number;
  readonly promptTokens?: number;
  /** Of the prompt, found in the prefix cache. */
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
  readonly firstTokenMs?: number;
  readonly status?: number;
  /** How it ended: absent while it is open. */
  readonly ended?: { readonly how: "finished" | "disconnected" | "failed"; readonly atMs: number };
}

/**
 * Sees every request after its body was read and before the pod answers. Returning true means: this hook answers, by
 * `response`, however it likes. Faults, gates and the kit's scripted replies are built on it.
 */
export type RequestHook = (
  entry: JournalEntry,
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | Promise<boolean>;

/** A pod without a port. */
export interface InProcessPod {
  /** `a6000-0`, unique in its fleet. */
  readonly name: string;
  /** The first of its served names. */
  readonly model: string;
  /** Of its latency, by name: `a6000-monotone`. */
  readonly profile: string;
  /** What its HTTP face answers, without a socket. Hooks see nothing of it; the journal does. */
  fetch(request: Request): Promise<Response>;
  /** Gauges and counters of the engine now. */
  stats(): EngineStats;
  /** Requests so far but those to `/__pod/`, by arrival; the last 20,000, or 64 MiB of bodies. */
  journal(): readonly JournalEntry[];
  /** Ids of the running and of the waiting requests inside the engine, in order. */
  running(): readonly string[];
  queue(): readonly string[];
  /** KV blocks that are referred to or cached. */
  blocks(): readonly BlockView[];
  /** Leading tokens of this prompt held in the KV cache now, in whole blocks. */
  holdsPrefix(prompt: string | ArrayLike<number>): number;
  /** Engine steps stop: requests are admitted to the queue and wait. */
  hold(): void;
  release(): void;
  /** One engine step while held. */
  stepOnce(): void;
  /**
   * Resolves when `count` requests for generation have arrived since the start or the last {@link clearJournal}, and
   * are in the engine's queue. Probes do not count.
   */
  waitForArrivals(count: number): Promise<void>;
  clearJournal(): void;
  /** Makes something go wrong, now or by its own times; the returned function ends it. */
  inject(fault: Fault): () => void;
  /** As new: open connections reset, cache cold, counters at zero, journal empty, nothing held, no hooks, no faults. */
  reset(): Promise<void>;
}

export interface Pod extends InProcessPod {
  readonly url: string;
  readonly port: number;
  /** Where it publishes KV events, when it does. */
  readonly kvEvents: { readonly endpoint: string; readonly replayEndpoint: string | undefined } | undefined;
  /** Adds a hook; the returned function removes it. The one added last is asked first. */
  intercept(hook: RequestHook): () => void;
  /**
   * Ends as vLLM does on SIGTERM: with `--shutdown-timeout` 0 the port closes and running streams end with finish reason
   * `abort`; with more, running requests may finish while new ones are answered with 500. Resolves when it is over.
   */
  shutdown(): Promise<void>;
  /** Closes the port and resets open connections, as a crash does; `start` brings it back, cold, on the same port. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

/** `a6000:4,v100:2`, parsed. */
export interface PodGroup {
  /** Profile name; `a6000` and `v100` are short for the monotone ones. */
  readonly profile: string;
  readonly count: number;
}

export interface FleetOptions {
  /** How many of which card, as `a6000:4,v100:2`. */
  readonly pods: string | readonly PodGroup[];
  /** 0, the default, lets the system choose every port. */
  readonly basePort?: number;
  /** Address that every pod binds. Default 127.0.0.1. */
  readonly host?: string;
  /** Name or folder, as vLLM's `--model`. Default `mistralai/Mistral-7B-Instruct-v0.2`. */
  readonly model?: string;
  /** Folder with tokenizer.json; default cl100k_base. */
  readonly tokenizer?: string;
  /** Simulated milliseconds per real one. Default 1. */
  readonly speed?: number;
  /** Of everything random about the pods. Default 0. */
  readonly seed?: number;
  /** What goes wrong, by pod, counted from the fleet's start; a string is a file that says so. */
  readonly faults?: FaultPlan | string;
  /** vLLM's own flags, without dashes: `{ "max-num-seqs": 64 }`. */
  readonly flags?: Readonly<Record<string, string | number | boolean>>;
  /** What the pods say; common words of one token each unless given. */
  readonly answers?: Model;
  /** vLLM's environment variables, as `VLLM_SERVER_DEV_MODE`; default the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface FleetLateness {
  /** Planned moments that have come. */
  readonly steps: number;
  /** Real milliseconds after the planned moment, as the next. */
  readonly p99Ms: number;
  readonly maxMs: number;
  /**
   * False when more than 1% of the moments came over 25 real milliseconds late, about one
   * step of a card: times measured in such a run say more of the machine than of the router.
   */
  readonly valid: boolean;
}

export interface Fleet extends AsyncDisposable {
  readonly pods: readonly Pod[];
  /** By name, or by number from 0. */
  pod(which: number | string): Pod;
  /** One more, listening: of the first group's card unless another `profile` is named. `flags` go before the fleet's own. */
  add(group?: {
    readonly profile?: string;
    readonly port?: number;
    readonly flags?: FleetOptions["flags"];
  }): Promise<Pod>;
  /** Closes it; its name is never used again. */
  remove(which: number | string): Promise<void>;
  /** How far the machine has fallen behind the plan so far. */
  lateness(): FleetLateness;
  /** Every pod's entries, by arrival. */
  journal(): readonly JournalEntry[];
  /** {@link Pod.shutdown} of every pod. */
  shutdown(): Promise<void>;
  /** Closes every port and resets what is open. */
  close(): Promise<void>;
}
