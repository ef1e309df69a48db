/**
 * What a case may do: send, hold, change pods, move time. One face over two attachments: a function router under virtual
 * time, and any router over HTTP in front of mock pods. Everything done here is recorded as an observation step.
 */
import type { RandomStream } from "../fixtures/random.ts";
import type { CaseEnd } from "./case-end.ts";
import type { Corpus, Prompt } from "./corpus/corpus.ts";
import type { HttpLab } from "./http-lab/http-facilities.ts";
import type { Observation, SentStep } from "./observation.ts";
import type { RouterProfile } from "./router-profile.ts";

export interface SendOptions {
  readonly label: string;
  /** When held (HTTP): its pod says nothing at all, no status either, until it is released. */
  readonly silent?: true;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly cacheSalt?: string;
  /** Extra body fields (HTTP); a function router ignores them. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Extra headers (HTTP), or others in place of what the kit sends; a function router ignores them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How the body is written (HTTP); default JSON.stringify. */
  readonly write?: (body: Readonly<Record<string, unknown>>) => string;
  /** How the upstream answers: `ok` (default), or an error status from the pod. */
  readonly upstream?: "ok" | { readonly status: number };
  /** The first pod that gets it answers so (HTTP); the next one as ever. */
  readonly firstStatus?: number;
}

/** A request that has reached its pod and stays open until released. */
export interface Held {
  readonly step: SentStep;
  release(outcome?: "ok" | "error" | "aborted"): Promise<void>;
}

export interface Lab {
  readonly profile: RouterProfile;
  /** Seeded by run seed and case id. */
  readonly random: RandomStream;
  readonly corpus: Corpus;
  /** Models that every pod serves; the first is the default. At least as many as the case needs. */
  readonly models: readonly string[];
  /** The LoRA adapter of pods whose kind has it: asked for as a model of this name. */
  readonly adapter: string;
  /** Names of the pods that the router has been told about. */
  pods(): readonly string[];
  /** Everything recorded so far, for traffic that must look back. */
  observation(): Observation;
  nowMs(): number;
  send(prompt: Prompt, options: SendOptions): Promise<SentStep>;
  hold(prompt: Prompt, options: SendOptions): Promise<Held>;
  /** Resolves once the router has converged on the change, or profile.discovery.convergenceMs has passed. */
  addPod(): Promise<string>;
  removePod(name: string): Promise<void>;
  /** Brings a removed pod back under its old name and address. */
  returnPod(name: string): Promise<void>;
  /** Exchanges a pod for a new one at another address in one change: the number of pods stays the same. */
  replacePod(name: string): Promise<string>;
  /** Tells the router the same pods in another order. */
  reorderPods(): Promise<void>;
  /** Moves the router's time. By seconds only for cases with `needs.clockMs`. */
  advance(byMs: number): Promise<void>;
  /**
   * Resolves once the router has taken note of everything that has ended, to whether that is known: see `http-lab/quiet.ts`.
   */
  quiet(): Promise<boolean>;
  /** Releases everything still held, and lets the load window pass where time can be moved. */
  settle(): Promise<void>;
  /** The same, and waits until nothing that has ended can be counted any more. Only for cases with `needs.drains`. */
  drain(): Promise<void>;
  note(label: string, data: unknown): void;
  /** Present when attached over HTTP. */
  readonly http?: HttpLab;
  /** Present where something may end the case before its traffic does. */
  readonly end?: CaseEnd;
}
