/** What every adapter makes of a router: something to send to, and a way to tell it about pods. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import type { Clock } from "../../fixtures/clock.ts";
import type { RouterProfile } from "../router-profile.ts";

export interface PodAddress {
  readonly name: string;
  readonly url: string;
  readonly gpu?: string;
  readonly models?: readonly string[];
}

/** A started router. `setPods` resolves when the router has acknowledged the change (not: converged). */
export type RouterUnderTest =
  | {
      readonly kind: "http";
      readonly url: string;
      /** Absent: pods cannot change (POD cases are unsupported). */
      readonly setPods?: (pods: readonly PodAddress[]) => Promise<void>;
      /** Absent: time cannot be moved. */
      readonly advance?: (byMs: number) => Promise<void>;
      readonly close: () => Promise<void>;
    }
  | {
      readonly kind: "function";
      readonly router: FunctionRouter;
      readonly close: () => Promise<void>;
    };

/** Starts one router for a run. In-process routers get the clock; a spawned one lives by its own. */
export interface RouterAdapter {
  readonly name: string;
  readonly version: string;
  readonly kind: "function" | "url" | "command" | "container" | "ext-proc";
  readonly profile: RouterProfile;
  start(options: {
    readonly pods: readonly PodAddress[];
    readonly seed: number;
    readonly clock: Clock;
    readonly threshold?: number;
  }): Promise<RouterUnderTest>;
}
