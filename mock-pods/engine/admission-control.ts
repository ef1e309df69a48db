import type { KvCacheManager } from "./kv-cache-manager.ts";
import { LoraSlots } from "./lora-slots.ts";
import { stepsBlocked } from "./quiet-decode.ts";
import type { SchedulerConfig } from "./scheduler-config.ts";
import type { Sequence } from "./sequence.ts";
import { addTo, type StepPlan } from "./step-plan.ts";
import type { WaitingQueue } from "./waiting-queue.ts";

/** Lookups in the prefix cache at admission. */
export interface LookupCount {
  requests: number;
  queriedTokens: number;
  hitTokens: number;
}

/** Brings those that wait into steps, as far as slots, tokens, blocks and LoRA adapters allow. */
export class AdmissionControl {
  /** First admissions only, as /metrics counts. */
  readonly lookups: LookupCount = { requests: 0, queriedTokens: 0, hitTokens: 0 };
  /** Admissions after a preemption. */
  readonly resumedLookups: LookupCount = { requests: 0, queriedTokens: 0, hitTokens: 0 };
  readonly #config: SchedulerConfig;
  readonly #kv: KvCacheManager;
  readonly #waiting: WaitingQueue;
  readonly #watermarkBlocks: number;
  readonly #maxRunning: number;

  constructor(config: SchedulerConfig, kv: KvCacheManager, waiting: WaitingQueue) {
    this.#config = config;
    this.#kv = kv;
    this.#waiting = waiting;
    this.#watermarkBlocks = Math.floor(config.watermark * config.numGpuBlocks);
    this.#maxRunning = config.maxNumActiveSeqs ?? config.maxNumSeqs;
  }

  /**
   * Moves requests from the head of the queue to the end of `running`. The first that finds no blocks, or without chunks no
   * room, stops those behind it; one that finds no adapter slot is passed over.
   *
   * @param budgetTokens what is left of the step's
   * @param chunkTokens most tokens of one request
   */
  admit(step: StepPlan, running: Sequence[], budgetTokens: number, chunkTokens: number): void {
    const { blockSize, reserveFullIsl, chunkedPrefill, maxLoras } = this.#config;
    const loras = maxLoras === undefined ? undefined : new LoraSlots(maxLoras, running);
    let left = budgetTokens;
    let after: Sequence | undefined;
    for (let head = this.#waiting.head; head !== undefined && left > 0; head = after) {
      if (running.length >= this.#maxRunning) return;
      after = head.next;
      if (loras?.fits(head) === false) {
        this.#waiting.defer(head);
        continue;
      }
      const hitTokens = this.#kv.lookup(head) * blockSize;
      const wholeChunk = Math.min(head.knownTokens - hitTokens, chunkTokens);
      if (chunkedPrefill === false && wholeChunk > left) return;
      const newTokens = Math.min(wholeChunk, left);
      const headroomBlocks = running.length > 0 ? this.#watermarkBlocks : 0;
      if (!this.#kv.admit(head, newTokens, reserveFullIsl, headroomBlocks)) return;
      this.#waiting.remove(head);
      running.push(head);
      head.running = true;
      loras?.take(head);
      head.computedTokens = hitTokens;
      this.#countLookup(head, hitTokens);
      step.admitted.push({ requestId: head.request.id, cachedTokens: hitTokens, resumed: head.preemptions > 0 });
      addTo(step, head, newTokens);
      left -= newTokens;
    }
  }

  /** Of `steps` steps in which those that run only decode, the first ones in which surely nobody comes in. */
  shutSteps(running: readonly Sequence[], steps: number): number {
    const { maxNumBatchedTokens, reserveFullIsl, maxLoras } = this.#config;
    const { head } = this.#waiting;
    if (head === undefined || running.length >= this.#maxRunning || running.length >= maxNumBatchedTokens) return steps;
    // Where a first chunk is enough, a hit evicted can make it smaller; where adapters have slots, others may pass the head.
    if (!reserveFullIsl || maxLoras !== undefined) return 0;
    return stepsBlocked(head, running, this.#kv, this.#watermarkBlocks, steps);
  }

  #countLookup(sequence: Sequence, hitTokens: number): void {
    if (!this.#kv.looksUp(sequence)) return;
    const count = sequence.preemptions > 0 ? this.resumedLookups : this.lookups;
    count.requests++;
    count.queriedTokens += sequence.knownTokens;
    count.hitTokens += hitTokens;
  }
}
