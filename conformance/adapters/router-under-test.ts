/** What every adapter makes of a router: something to send to, and a way to tell it about pods. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import type { Clock } from "../../fixtures/clock.ts";
import type { FleetOptions } from "../../mock-pods/pod/pod.ts";
import type { Observe } from "./observe.ts";
import type { RouterProfile } from "../router-profile.ts";
import type { DeclaredSettle } from "./settling.ts";

export interface PodAddress {
  readonly name: string;
  readonly url: string;
  readonly gpu?: string;
  readonly models?: readonly string[];
  /** ZeroMQ endpoints at which it publishes its KV events, and replays them. */
  readonly kvEvents?: { readonly endpoint: string; readonly replayEndpoint: string };
}

/** A started router. `setPods` resolves when the router has acknowledged the change (not: converged). */
export type RouterUnderTest = HttpRouter | DecidingRouter;

export interface HttpRouter {
  readonly kind: "http";
  readonly url: string;
  /** Absent: pods cannot change (POD cases are unsupported). */
  readonly setPods?: (pods: readonly PodAddress[]) => Promise<void>;
  /** Absent: time cannot be moved. */
  readonly advance?: (byMs: number) => Promise<void>;
  /** How its process ended unasked, with its last lines; undefined while it lives. Absent where it cannot be told. */
  readonly died?: () => string | undefined;
  /** Fills templates such as `{{port.metrics}}` in an address; default: only `{{url}}` is known. */
  readonly address?: (template: string) => string;
  /** Resident memory of its processes. Absent where it cannot be read. */
  readonly memoryBytes?: () => Promise<number | undefined>;
  /** What is left of the time that it is declared to need until its rule holds. Absent: it needs none. */
  readonly settlesInMs?: () => number;
  /** What it logged so far; its last part where there is much. Absent where it cannot be read. */
  readonly logs?: () => string;
  readonly close: () => Promise<void>;
}

export interface DecidingRouter {
  readonly kind: "function";
  readonly router: FunctionRouter;
  readonly close: () => Promise<void>;
}

export interface StartOptions {
  readonly pods: readonly PodAddress[];
  readonly seed: number;
  readonly clock: Clock;
  readonly threshold?: number | undefined;
  /** Ends the wait for a router that is not ready yet. */
  readonly signal?: AbortSignal | undefined;
}

/** Starts one router for a run. In-process routers get the clock; a spawned one lives by its own. */
export interface RouterAdapter {
  readonly name: string;
  readonly version: string;
  readonly kind: "function" | "url" | "command" | "container" | "ext-proc";
  readonly profile: RouterProfile;
  /** Whether it can be told of pods that come and go; without, cases that need it are unsupported. Default true. */
  readonly changesPods?: boolean;
  /** It is stopped and started anew for every change: what it knew and answered is lost with it. */
  readonly restartsForPods?: boolean;
  /** It is told all its pods at once, in an order; else of one after the other. Default true. */
  readonly listsPods?: boolean;
  /** It is told one model of each pod, and cannot know of others. */
  readonly tellsOneModel?: boolean;
  /** Addresses (`host:port`) that the kit's pods must bind, because the router already points at them. */
  readonly podsListen?: readonly string[];
  /** Where pods must listen for the router to reach them; default: loopback, which is also how it reaches them. */
  readonly podsHost?: PodsHost;
  /** Whether `threshold` of {@link StartOptions} reaches the router; without, cases that need it are unsupported. */
  readonly takesThreshold?: boolean;
  /** What requests it takes; by default both paths and every form of prompt. */
  readonly requests?: RequestClaims;
  /** A response header in which the router names the pod. Compared with the truth, never trusted. */
  readonly podSeenBy?: { readonly header: string; readonly value: "url" | "hostport" | "name" };
  /** It is told where pods publish KV events, and where they replay them: the kit's pods then do. */
  readonly kvEvents?: { readonly replay: boolean };
  /** vLLM's own flags, without dashes, for the kit's pods. */
  readonly podFlags?: FleetOptions["flags"];
  /** Where it shows what it counts and decides. */
  readonly observe?: Observe;
  /** A fixed time the router needs before its rule holds, and why; shown in the report. */
  readonly settle?: DeclaredSettle;
  start(options: StartOptions): Promise<RouterUnderTest>;
}

export interface PodsHost {
  /** An address of this machine, for the pods to bind. */
  readonly bind: string;
  /** What the router calls that address. */
  readonly seenAs: string;
}

export type CompletionPath = "/v1/completions" | "/v1/chat/completions";

export interface RequestClaims {
  /** The first is used where a case does not ask for one. */
  readonly paths?: readonly CompletionPath[];
  /** Sent with every request, e.g. an API key. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly promptForms?: readonly ("string" | "strings" | "ids")[];
}
