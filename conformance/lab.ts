/**
 * What a case may do: send, hold, change pods, move time. One face over two attachments: a function router under virtual
 * time, and any router over HTTP in front of mock pods. Everything done here is recorded as an observation step.
 */
import type { RandomStream } from "../fixtures/random.ts";
import type { Observe } from "./adapters/observe.ts";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import type { Corpus, Prompt } from "./corpus/corpus.ts";
import type { Observation, SentStep } from "./observation.ts";
import type { RouterProfile } from "./router-profile.ts";
import type { WireExchange } from "./wire-log.ts";

export interface SendOptions {
  readonly label: string;
  /** When held (HTTP): its pod says nothing at all, no status either, until it is released. */
  readonly silent?: true;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly cacheSalt?: string;
  /** Extra body fields (HTTP); a function router ignores them. */
  readonly body?: Readonly<Record<string, unknown>>;
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
}

/** Raw HTTP facilities for the stream and error cases. */
export interface HttpLab {
  readonly routerUrl: string;
  /** What the adapter sends with every request, e.g. an API key. */
  readonly headers: Readonly<Record<string, string>>;
  /** One raw exchange with the router; never throws for a status. */
  request(options: RawRequest): Promise<RawResponse>;
  /** A connection to the router on which every byte is the case's own. */
  connect(): Promise<RawConnection>;
  readonly router: RouterView;
  /** Lets real time pass, where nothing tells that something has come about. */
  wait(ms: number): Promise<void>;
  /** The router is not what it was: whatever comes after this case begins with a fresh one. */
  spoil(): void;
  /** What went over the wire so far, for the report. */
  wire(): readonly WireExchange[];
  /** The pods' side: scripted replies, gates, journals. */
  readonly pods: ScriptedPods;
  /** Opens a listener that is no pod. */
  openStranger(): Promise<Stranger>;
}

/** What the router shows of itself, where its adapter declares it. */
export interface RouterView {
  readonly observe: Observe;
  readonly podSeenBy: RouterAdapter["podSeenBy"];
  /** It was told where pods replay KV events. */
  readonly asksForReplays: boolean;
  /** The metrics page now; undefined when none is declared, or it does not answer with 200. */
  metricsPage(): Promise<string | undefined>;
  /** Asks the declared readiness address until it says this, or time is up: its last status, 0 for no answer. */
  readiness(wanted: "ready" | "not-ready", timeoutMs: number): Promise<number>;
  /** Resident memory of its processes; undefined where that cannot be read. */
  memoryBytes(): Promise<number | undefined>;
  /** What it logged so far; undefined where that cannot be read. */
  logs(): string | undefined;
}

export interface RawConnection {
  write(bytes: string | Uint8Array): void;
  received(): Uint8Array;
  /** Reads until the predicate holds, the router closes, or time is up. Nothing is read at other times. */
  until(predicate: (received: Uint8Array) => boolean, timeoutMs: number): Promise<"held" | "closed" | "timeout">;
  close(): void;
}

export interface Stranger {
  /** `host:port`. */
  readonly address: string;
  /** Requests that reached it. */
  hits(): number;
  /** Resolves at the first of them, or when time is up. */
  hit(timeoutMs: number): Promise<void>;
  close(): void;
}

export interface RawRequest {
  /** Sent straight to this pod, past the router. */
  readonly pod?: string;
  /** The id by which scripts and sightings know it when it carries none: its pod tells it by the prompt. */
  readonly knownAs?: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Called for each piece of the response body as it arrives; return false to disconnect. */
  readonly onData?: (piece: Uint8Array, soFar: Uint8Array) => boolean | void;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface RawResponse {
  /** 0 when the connection failed before a status line. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
  /** How the response ended. */
  readonly end: "complete" | "reset" | "client-aborted" | "timeout" | "refused";
}

/** How a pod answers what a router asks of it by itself. */
export type PodPage =
  /** With an error. */
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "hang" }
  /** As ever, but for the values of these gauges on its metrics page. */
  | { readonly kind: "gauges"; readonly values: Readonly<Record<string, number>> };

/** How a pod loses all that it has cached, by the KV event that says so. */
export type CacheLoss = "AllBlocksCleared" | "BlockRemoved";

/** What becomes of a batch of KV events; `reordered`: it follows the next one. */
export type EventTrouble = "duplicated" | "reordered" | "lost";

/** Every path of a pod, completions among them. */
export const ALL_PATHS = "*";

/** A reply that pods give to the request with this id instead of the engine's. */
export interface PodScript {
  readonly requestId: string;
  /** Only this pod plays it; absent: whichever pod the request reaches. */
  readonly pod?: string;
  /** Times it is played; default once per attempt, for ever. */
  readonly times?: number;
  readonly reply:
    | {
        readonly kind: "respond";
        readonly status: number;
        readonly headers?: readonly (readonly [string, string])[];
        /** Written one by one; a `wait` between them waits for {@link ScriptedPods.release}. */
        readonly body: readonly (string | Uint8Array | { readonly wait: string })[];
        readonly end?: "finish" | "reset";
      }
    | { readonly kind: "reset" }
    | { readonly kind: "hang" };
}

export interface PodSighting {
  readonly pod: string;
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly atMs: number;
  /** Bytes of a scripted answer's body that its pod got rid of so far. */
  readonly sentBytes: number;
  /** When and how the pod saw it end: it finished its answer, or the client side went away. */
  readonly ended?: { readonly how: "finished" | "disconnected"; readonly atMs: number };
}

export interface ScriptedPods {
  /** `host:port` of a pod. */
  address(pod: string): string;
  /** Requests for a completion that reached any pod in this case, whatever id they carried. */
  completions(): number;
  /** Announces the request, too, where it is not sent by {@link HttpLab.request}. */
  script(script: PodScript): void;
  /** Lets a `wait` with this name go on. */
  release(name: string): void;
  /** Everything any pod received with this request id, in order. */
  seen(requestId: string): readonly PodSighting[];
  /** Resolves when the predicate holds over the sightings of this id; rejects after `timeoutMs`. */
  waitUntil(requestId: string, predicate: (seen: readonly PodSighting[]) => boolean, timeoutMs: number): Promise<void>;
  /** Nothing more will be asked about this request. */
  forget(requestId: string): void;
  /** How requests for this path are answered from now on, by this pod or by all; undefined: as ever. */
  setPage(path: string, page: PodPage | undefined, pod?: string): void;
  /** Requests for this path in this case, at this pod or at all. */
  asked(path: string, pod?: string): number;
  /** Resolves to whether this pod has given so many more answers for the path in time: who asked has them. */
  answeredAgain(path: string, times: number, timeoutMs: number, pod: string): Promise<boolean>;
  /** Leading tokens of this prompt that the pod has cached, in whole blocks. */
  cachedTokens(pod: string, prompt: string): number;
  loseCache(pod: string, how: CacheLoss): Promise<void>;
  /** What becomes of this pod's KV events from now on; undefined: they arrive as ever. */
  troubleEvents(pod: string, how: EventTrouble | undefined): void;
  /** Makes a pod refuse connections (closed port) or answer again; resolves when its cut connections were noticed. */
  setUp(pod: string, up: boolean): Promise<void>;
}
