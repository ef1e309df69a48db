/** What a case may do beyond requests when it is attached over HTTP. */
import type { Observe } from "../adapters/observe.ts";
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import type { RawConnection, RawRequest, RawResponse } from "./raw-exchange.ts";
import type { ScriptedPods } from "./scripted-pods.ts";
import type { WireExchange } from "./wire-log.ts";

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

export interface Stranger {
  /** `host:port`. */
  readonly address: string;
  /** Requests that reached it. */
  hits(): number;
  /** Resolves at the first of them, or when time is up. */
  hit(timeoutMs: number): Promise<void>;
  close(): void;
}
