/** The faults of one pod that are in force now, by the pod's clock, and the luck of each request. */
import type { Clock } from "../../fixtures/clock.ts";
import type { RandomStream } from "../../fixtures/random.ts";
import { isGeneration } from "../pod/journal.ts";
import type { Fault, FaultOf } from "./fault.ts";

export interface InjectedFault {
  readonly id: number;
  readonly fault: Fault;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Requests it may still strike. */
  left: number;
}

/** Faults that strike single requests. */
export type RequestFault = FaultOf<
  "error" | "hang" | "stall" | "reset" | "truncate" | "drip" | "split" | "malformed-json"
>;

const REQUEST_KINDS: ReadonlySet<string> = new Set([
  "error",
  "hang",
  "stall",
  "reset",
  "truncate",
  "drip",
  "split",
  "malformed-json",
]);

export class ActiveFaults {
  readonly #clock: Clock;
  readonly #random: RandomStream;
  readonly #onChange: () => void;
  #injected: readonly InjectedFault[] = [];
  #cancels: (() => void)[] = [];
  #made = 0;

  /** `onChange` is called whenever a fault begins, ends or is taken away. */
  constructor(clock: Clock, random: RandomStream, onChange: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onChange = onChange;
  }

  /** Returns the fault's number, by which it can be removed. */
  inject(fault: Fault): number {
    const nowMs = this.#clock.nowMs();
    const fromMs = nowMs + (fault.fromMs ?? 0);
    const untilMs = nowMs + (fault.untilMs ?? Infinity);
    const left = ("times" in fault ? fault.times : undefined) ?? Infinity;
    this.#injected = [...this.#injected, { id: this.#made, fault, fromMs, untilMs, left }];
    for (const dueMs of [fromMs, untilMs]) {
      if (dueMs > nowMs && dueMs < Infinity) this.#cancels.push(this.#clock.at(dueMs, this.#onChange));
    }
    this.#onChange();
    return this.#made++;
  }

  /** False when there is no such fault. */
  remove(id: number): boolean {
    const before = this.#injected.length;
    this.#injected = this.#injected.filter((injected) => injected.id !== id);
    this.#onChange();
    return this.#injected.length < before;
  }

  clear(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#injected = [];
    this.#onChange();
  }

  /** All that were injected and not removed, in force or not. */
  list(): readonly InjectedFault[] {
    return this.#injected;
  }

  /** In force then, oldest first. */
  ofKind<Kind extends Fault["kind"]>(kind: Kind, atMs = this.#clock.nowMs()): readonly FaultOf<Kind>[] {
    return this.#injected
      .filter(({ fault, fromMs, untilMs }) => fault.kind === kind && fromMs <= atMs && atMs < untilMs)
      .map(({ fault }) => fault as FaultOf<Kind>);
  }

  /** Draws what strikes this request, and counts it. */
  strike(method: string, path: string): readonly RequestFault[] {
    if (this.#injected.length === 0) return [];
    const nowMs = this.#clock.nowMs();
    const struck: RequestFault[] = [];
    for (const injected of this.#injected) {
      const { fault, fromMs, untilMs, left } = injected;
      if (!isRequestFault(fault) || left <= 0 || nowMs < fromMs || nowMs >= untilMs) continue;
      if (fault.path === undefined ? !isGeneration(method, path) : fault.path !== path) continue;
      if (fault.share !== undefined && this.#random.next() >= fault.share) continue;
      injected.left -= 1;
      struck.push(fault);
    }
    return struck;
  }

  /** Whether a chance of `share` comes true now. */
  happens(share: number): boolean {
    return this.#random.next() < share;
  }
}

function isRequestFault(fault: Fault): fault is RequestFault {
  return REQUEST_KINDS.has(fault.kind);
}
