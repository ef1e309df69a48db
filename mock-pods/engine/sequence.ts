import { TokenRuns } from "../../fixtures/traces/trace.ts";
import { appendBlockHashes, type HashChain } from "./block-hash.ts";
import type { FinishReason, GenerationRequest } from "./engine.ts";

/** Where tokens are written out to be hashed or told: millions a second, and none of it is kept. */
let written = new Int32Array(1024);
/** So that what is written out is still in the processor's nearest cache when it is hashed. */
const BLOCKS_AT_A_TIME = 64;

/** A request inside the engine: how far it is, and the blocks it holds. */
export class Sequence {
  // What every step looks at comes first and is copied here: a thousand requests have no place in the nearest caches.
  readonly id: string;
  readonly sample: GenerationRequest["sample"];
  /** Prompt and output so far. */
  knownTokens: number;
  /** Tokens whose KV is there. */
  computedTokens = 0;
  /** Up to so many tokens it needs no new block, and fills none that is to be cached. */
  roomTokens = 0;
  /** Takes part in the step in flight; cleared when it is aborted or preempted before the step ends. */
  inFlight = false;
  readonly promptTokens: number;
  readonly #lastToken: number;
  readonly request: GenerationRequest;
  /** Order of submission; the same for all requests of a call. */
  readonly arrival: number;
  readonly priority: number;
  preemptions = 0;
  /** In running order of the context. */
  readonly blocks: number[] = [];
  /** Leading blocks entered in the prefix cache, or found in it, since the last admission. */
  cachedBlocks = 0;
  running = false;
  /** Waits, and was passed over for want of a LoRA slot. */
  deferred = false;
  /** Neighbours in the waiting queue. */
  next: Sequence | undefined;
  previous: Sequence | undefined;
  readonly #chain: HashChain = [];

  constructor(request: GenerationRequest, arrival: number, maxModelLen: number) {
    this.id = request.id;
    this.sample = request.sample;
    this.request = request;
    this.arrival = arrival;
    this.priority = request.priority ?? 0;
    this.promptTokens = request.promptTokenIds.length;
    this.knownTokens = this.promptTokens;
    const wanted = Math.min(request.maxTokens, request.stopAfterTokens ?? Infinity);
    this.#lastToken = Math.min(this.promptTokens + wanted, maxModelLen);
  }

  get outputTokens(): number {
    return this.knownTokens - this.promptTokens;
  }

  /** Output tokens still to come. */
  get remainingTokens(): number {
    return this.#lastToken - this.knownTokens;
  }

  /** Why it ends here, or undefined while it goes on. A natural end comes before a limit, as in vLLM's check_stop. */
  get finishReason(): FinishReason | undefined {
    if (this.knownTokens < this.#lastToken) return undefined;
    return this.outputTokens === this.request.stopAfterTokens ? "stop" : "length";
  }

  /** Decodes: so many tokens are computed, and each gave the next. */
  advance(tokens: number): void {
    this.computedTokens += tokens;
    this.knownTokens += tokens;
  }

  /** Hashes of at least the first `blocks` blocks, full of tokens known or yet to come. */
  hashChain(blocks: number, blockSize: number): HashChain {
    for (let from = this.#chain.length / 2; from < blocks; from += BLOCKS_AT_A_TIME) {
      const to = Math.min(blocks, from + BLOCKS_AT_A_TIME);
      this.#writeOut(from * blockSize, to * blockSize);
      appendBlockHashes(this.#chain, written, 0, to - from, blockSize, this.request);
    }
    return this.#chain;
  }

  tokenIds(from: number, to: number): number[] {
    this.#writeOut(from, to);
    return Array.from(written.subarray(0, to - from));
  }

  /** The tokens from position `from` up to `to`, at the start of `written`. */
  #writeOut(from: number, to: number): void {
    const { promptTokens } = this;
    const { promptTokenIds, sample } = this.request;
    if (written.length < to - from) written = new Int32Array(to - from);
    const inPrompt = Math.min(to, promptTokens);
    if (promptTokenIds instanceof TokenRuns) promptTokenIds.writeOut(from, inPrompt, written);
    else for (let at = from; at < inPrompt; at++) written[at - from] = promptTokenIds[at] as number;
    for (let at = Math.max(from, promptTokens); at < to; at++) written[at - from] = sample(at - promptTokens);
  }
}
