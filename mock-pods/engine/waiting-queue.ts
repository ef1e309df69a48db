import type { Sequence } from "./sequence.ts";

/**
 * Requests that wait for blocks or a slot. First come first served, or, under `priority`, by (priority, arrival, id).
 * A linked list through the sequences: both ends and removal are O(1), a late urgent arrival walks past what it overtakes.
 */
export class WaitingQueue {
  readonly #byPriority: boolean;
  #first: Sequence | undefined;
  #last: Sequence | undefined;
  #length = 0;
  #deferred = 0;

  constructor(policy: "fcfs" | "priority") {
    this.#byPriority = policy === "priority";
  }

  get length(): number {
    return this.#length;
  }

  /** How many had to let others pass for want of a LoRA slot. */
  get deferred(): number {
    return this.#deferred;
  }

  get head(): Sequence | undefined {
    return this.#first;
  }

  add(sequence: Sequence): void {
    this.#insertAfter(this.#byPriority ? this.#lastBefore(sequence) : this.#last, sequence);
  }

  /** Back from a preemption: to the front, or to its place by priority. */
  putBack(sequence: Sequence): void {
    this.#insertAfter(this.#byPriority ? this.#lastBefore(sequence) : undefined, sequence);
  }

  /** Others may pass it; it keeps its place. */
  defer(sequence: Sequence): void {
    if (sequence.deferred) return;
    sequence.deferred = true;
    this.#deferred++;
  }

  remove(sequence: Sequence): void {
    const { previous, next } = sequence;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    sequence.next = undefined;
    sequence.previous = undefined;
    this.#length--;
    if (!sequence.deferred) return;
    sequence.deferred = false;
    this.#deferred--;
  }

  #lastBefore(sequence: Sequence): Sequence | undefined {
    let candidate = this.#last;
    while (candidate !== undefined && runsBefore(sequence, candidate)) candidate = candidate.previous;
    return candidate;
  }

  #insertAfter(previous: Sequence | undefined, sequence: Sequence): void {
    const next = previous === undefined ? this.#first : previous.next;
    sequence.previous = previous;
    sequence.next = next;
    if (previous === undefined) this.#first = sequence;
    else previous.next = sequence;
    if (next === undefined) this.#last = sequence;
    else next.previous = sequence;
    this.#length++;
  }
}

/** The order of the `priority` policy: `Request.__lt__` in `vllm/v1/request.py`. */
function runsBefore(a: Sequence, b: Sequence): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  if (a.arrival !== b.arrival) return a.arrival < b.arrival;
  return (a.request.call?.requestId ?? "") < (b.request.call?.requestId ?? "");
}
