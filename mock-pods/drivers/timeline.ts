import type { Clock } from "../../fixtures/clock.ts";

/** Actions that belong to no pod: arrivals, faults, a router's timers. They come before any pod's at the same instant. */
export const OUTSIDE = -1;

interface Entry {
  readonly dueMs: number;
  readonly lane: number;
  readonly sequence: number;
  /** Undefined once cancelled. */
  action: (() => void) | undefined;
}

/**
 * Everything that will happen, in one total order: by time, then lane (a pod's number), then in the order it was planned.
 *
 * Time is the plan's: while an action runs, `nowMs()` is the moment it was due, whatever a real clock says. That makes
 * a run paced by a timer equal to one played at once.
 */
export class Timeline implements Clock {
  #nowMs = 0;
  #reachedLane = Infinity;
  #sequence = 0;
  #heap: Entry[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  /** When the next action is due; Infinity when there is none. */
  get nextDueMs(): number {
    while (this.#heap[0] !== undefined && this.#heap[0].action === undefined) this.#pop();
    return this.#heap[0]?.dueMs ?? Infinity;
  }

  /** Whether what a lane had planned for this very moment, before it came, has happened. */
  hasPassed(lane: number): boolean {
    return this.#reachedLane > lane;
  }

  at(dueMs: number, action: () => void): () => void {
    return this.plan(OUTSIDE, dueMs, action);
  }

  /** What is due in the past is due now. The returned function cancels. */
  plan(lane: number, dueMs: number, action: () => void): () => void {
    const entry: Entry = { dueMs: Math.max(dueMs, this.#nowMs), lane, sequence: this.#sequence++, action };
    this.#push(entry);
    return () => (entry.action = undefined);
  }

  /** Runs the next action at its time. False when there is none due by `limitMs`. */
  runNext(limitMs: number): boolean {
    if (this.nextDueMs > limitMs || this.#heap.length === 0) return false;
    const entry = this.#pop();
    this.#reachedLane = entry.dueMs > this.#nowMs ? entry.lane : Math.max(this.#reachedLane, entry.lane);
    this.#nowMs = entry.dueMs;
    entry.action?.();
    return true;
  }

  /** Runs all that is due up to and including `untilMs`, which is then the time. */
  runUntil(untilMs: number): void {
    while (this.runNext(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    this.#reachedLane = Infinity;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let child = heap.length;
    heap.push(entry);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!precedes(entry, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = entry;
  }

  /** Removes the first entry; there must be one. */
  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!precedes(heap[child] as Entry, last)) break;
      heap[parent] = heap[child] as Entry;
      parent = child;
    }
    heap[parent] = last;
    return first;
  }
}

function precedes(a: Entry, b: Entry): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  if (a.lane !== b.lane) return a.lane < b.lane;
  return a.sequence < b.sequence;
}
