import { AdmissionControl } from "./admission-control.ts";
import type { FinishReason, GenerationRequest, KvEvent, TokenOutput } from "./engine.ts";
import { KvCacheManager } from "./kv-cache-manager.ts";
import { decodeQuietly, quietSteps } from "./quiet-decode.ts";
import type { SchedulerConfig } from "./scheduler-config.ts";
import { Sequence } from "./sequence.ts";
import { addTo, emptyPlan, removeFrom, type StepPlan } from "./step-plan.ts";
import { WaitingQueue } from "./waiting-queue.ts";

/**
 * vLLM 0.32's V1 scheduler (`vllm/v1/core/sched/scheduler.py`), synchronous, one full-attention KV group.
 *
 * `schedule` decides a step, `complete` ends it. Requests, aborts and resets may come in between; a sequence that was
 * aborted or preempted meanwhile gets nothing from the step. Who runs knows fewer than `maxModelLen` tokens, one of them
 * not computed, so vLLM's caps by that length never bind here.
 */
export class Scheduler {
  readonly kv: KvCacheManager;
  /** What the last `schedule` decided. */
  step = emptyPlan();
  readonly admission: AdmissionControl;
  preemptions = 0;
  /** Off, who waits goes on waiting, and makes no steps: vLLM's `PAUSED_NEW`. */
  admitting = true;
  readonly #config: SchedulerConfig;
  readonly #waiting: WaitingQueue;
  readonly #sequences = new Map<string, Sequence>();
  #running: Sequence[] = [];
  #arrivals = 0;
  #lastCall: number | undefined;
  /** Some request has left since the last step: vLLM makes one more step, be it empty, to say so to its workers. */
  #departed = false;

  constructor(config: SchedulerConfig, emit?: (event: KvEvent) => void) {
    this.kv = new KvCacheManager(config, emit);
    this.#config = config;
    this.#waiting = new WaitingQueue(config.policy);
    this.admission = new AdmissionControl(config, this.kv, this.#waiting);
  }

  get running(): number {
    return this.#running.length;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Of those that wait, how many had to let others pass for want of a LoRA slot. */
  get deferred(): number {
    return this.#waiting.deferred;
  }

  runningIds(): string[] {
    return this.#running.map(({ request }) => request.id);
  }

  waitingIds(): string[] {
    const ids: string[] = [];
    for (let sequence = this.#waiting.head; sequence !== undefined; sequence = sequence.next) {
      ids.push(sequence.request.id);
    }
    return ids;
  }

  /** Whether a step would be made: something runs, waits, or has just left. */
  get hasWork(): boolean {
    return this.running > 0 || (this.waiting > 0 && this.admitting) || this.#departed;
  }

  add(request: GenerationRequest): void {
    const { maxModelLen } = this.#config;
    const promptTokens = request.promptTokenIds.length;
    if (promptTokens < 1 || promptTokens >= maxModelLen) {
      throw new RangeError(`prompt of ${promptTokens} tokens; the engine takes 1 to ${maxModelLen - 1}`);
    }
    if (!(request.maxTokens >= 1)) throw new RangeError(`maxTokens ${request.maxTokens}; the engine takes 1 or more`);
    if (this.#sequences.has(request.id)) throw new RangeError(`request id ${request.id} is already in the engine`);
    const isSibling = request.call !== undefined && request.call.number === this.#lastCall;
    if (!isSibling) this.#arrivals++;
    this.#lastCall = request.call?.number;
    const sequence = new Sequence(request, this.#arrivals, maxModelLen);
    this.#sequences.set(request.id, sequence);
    this.#waiting.add(sequence);
  }

  /** All leave their list first, then their blocks go, in the order given. Unknown ids are ignored. */
  abort(requestIds: readonly string[]): void {
    const leaving: Sequence[] = [];
    for (const id of requestIds) {
      const sequence = this.#sequences.get(id);
      if (sequence === undefined) continue;
      this.#sequences.delete(id);
      leaving.push(sequence);
      if (!sequence.running) this.#waiting.remove(sequence);
    }
    if (leaving.length === 0) return;
    const gone = new Set(leaving);
    this.#running = this.#running.filter((sequence) => !gone.has(sequence));
    for (const sequence of leaving) {
      sequence.inFlight = false;
      this.kv.release(sequence);
    }
    this.#departed = true;
  }

  /** Preempts everything that runs, last first, so that the old order is kept. Returns the ids in that order. */
  preemptRunning(): string[] {
    const preempted: string[] = [];
    for (let victim = this.#running.pop(); victim !== undefined; victim = this.#running.pop()) {
      this.#backToWaiting(victim);
      preempted.push(victim.request.id);
    }
    return preempted;
  }

  /** Decides the next step into `step`: who computes how many tokens. */
  schedule(): StepPlan {
    const step = emptyPlan();
    this.step = step;
    this.#departed = false;
    const chunkTokens = this.#chunkTokens;
    const budget = this.#scheduleRunning(this.#config.maxNumBatchedTokens, chunkTokens);
    if (step.preempted.length === 0 && this.admitting) this.admission.admit(step, this.#running, budget, chunkTokens);
    return step;
  }

  /** Ends the step: counts what it computed and appends what it produced to `outputs`, in scheduling order. */
  complete(outputs: TokenOutput[]): void {
    const { sequences, tokens } = this.step;
    let finished = 0;
    for (let index = 0; index < sequences.length; index++) {
      const sequence = sequences[index] as Sequence;
      if (!sequence.inFlight) continue;
      sequence.inFlight = false;
      sequence.computedTokens += tokens[index] as number;
      if (sequence.computedTokens < sequence.knownTokens) continue;
      const finishReason = this.#produce(sequence, outputs);
      if (finishReason === undefined) continue;
      finished++;
      sequence.running = false;
      this.#sequences.delete(sequence.request.id);
      this.kv.release(sequence);
    }
    if (finished === 0) return;
    this.#running = this.#running.filter((sequence) => sequence.running);
    this.#departed = true;
  }

  /** How many steps from here will certainly do no more than give each running request one token, not its first or last. */
  get quietSteps(): number {
    if (this.running === 0) return 0;
    const steps = quietSteps(this.#running, this.kv);
    return steps > 0 && this.admitting ? this.admission.shutSteps(this.#running, steps) : steps;
  }

  /** The requests that run, in order. */
  get runningRequests(): GenerationRequest[] {
    return this.#running.map(({ request }) => request);
  }

  /** Index of the next token of each running request. */
  get nextIndexes(): number[] {
    return this.#running.map(({ outputTokens }) => outputTokens);
  }

  /** Tokens the running requests will have in the cache after the next step, if it is quiet. */
  get nextContextTokens(): number {
    return this.#running.reduce((sum, { knownTokens }) => sum + knownTokens, 0);
  }

  /** `schedule` and `complete` in one, for so many quiet steps */
  decodeQuietly(steps: number): void {
    decodeQuietly(this.#running, this.kv, steps);
  }

  #produce(sequence: Sequence, outputs: TokenOutput[]): FinishReason | undefined {
    const index = sequence.outputTokens;
    sequence.knownTokens++;
    const finishReason = sequence.finishReason;
    const output = { requestId: sequence.id, index, tokenId: sequence.sample(index) };
    outputs.push(finishReason === undefined ? output : { ...output, finishReason });
    return finishReason;
  }

  /** Most tokens of one request in a step. */
  get #chunkTokens(): number {
    const { longPrefillTokenThreshold, longPrefillTokenThresholdAdaptive, maxNumBatchedTokens } = this.#config;
    const requests = this.running + this.waiting;
    if (longPrefillTokenThreshold === 0 || requests <= 1) return Infinity;
    const share = longPrefillTokenThresholdAdaptive === true ? Math.floor(maxNumBatchedTokens / requests) : 0;
    return Math.max(longPrefillTokenThreshold, share);
  }

  /** Returns the budget left. */
  #scheduleRunning(budget: number, chunkTokens: number): number {
    const { step } = this;
    let left = budget;
    for (let index = 0; index < this.#running.length && left > 0; index++) {
      const sequence = this.#running[index] as Sequence;
      const newTokens = Math.min(sequence.knownTokens - sequence.computedTokens, chunkTokens, left);
      let fits = this.kv.extend(sequence, newTokens);
      while (!fits) {
        const position = this.#victim();
        const [victim] = this.#running.splice(position, 1) as [Sequence];
        if (victim.inFlight) left += removeFrom(step, victim);
        if (position < index) index--;
        this.#backToWaiting(victim);
        step.preempted.push(victim.request.id);
        if (victim === sequence) return left;
        fits = this.kv.extend(sequence, newTokens);
      }
      addTo(step, sequence, newTokens);
      left -= newTokens;
    }
    return left;
  }

  /** Position of the running request to preempt: the last, or the first of those with the greatest (priority, arrival). */
  #victim(): number {
    const last = this.#running.length - 1;
    if (this.#config.policy === "fcfs") return last;
    let position = last;
    for (let index = last - 1; index >= 0; index--) {
      const [one, greatest] = [this.#running[index] as Sequence, this.#running[position] as Sequence];
      if (one.priority > greatest.priority) position = index;
      else if (one.priority === greatest.priority && one.arrival >= greatest.arrival) position = index;
    }
    return position;
  }

  #backToWaiting(victim: Sequence): void {
    this.kv.release(victim);
    victim.computedTokens = 0;
    victim.preemptions++;
    victim.running = false;
    victim.inFlight = false;
    this.preemptions++;
    this.#waiting.putBack(victim);
  }
}
