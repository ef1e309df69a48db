/** The pods' side as a case sees it: what reached them, and what they are made to do. */

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
        /** Nothing is said, not even the status, before {@link ScriptedPods.release} of this name. */
        readonly begins?: string;
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
  /** Announces the request, too, where it is not sent by `HttpLab.request`. */
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
