import { TokenRuns } from "../../fixtures/traces/trace.ts";
import { appendBlockHashes, type HashChain } from "./block-hash.ts";
import type { FinishReason, GenerationRequest } from "./engine.ts";

/** A request inside the engine: how far it is, and the blocks it holds. */
export class Sequence {
  readonly request: GenerationRequest;
  /** Order of submission. */
  readonly arrival: number;
  readonly priority: number;
  readonly promptTokens: number;
  /** Prompt and output so far. */
  knownTokens: number;
  /** Tokens whose KV is there. */
  computedTokens = 0;
  preemptions = 0;
  /** In running order of the context. */
  readonly blocks: number[] = [];
  /** Leading blocks entered in the prefix cache, or found in it, since the last admission. */
  cachedBlocks = 0;
  /** Up to so many tokens it needs no new block, and fills none that is to be cached. */
  roomTokens = 0;
  /** Takes part in the step in flight; cleared when it is aborted or preempted before the step ends. */
  inFlight = false;
  running = false;
  /** Neighbours in the waiting queue. */
  next: Sequence | undefined;
  previous: Sequence | undefined;
  readonly #lastToken: number;
  readonly #chain: HashChain = [];

  constructor(request: GenerationRequest, arrival: number, maxModelLen: number) {
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
    const hashed = this.#chain.length / 2;
    const inPrompt = Math.min(blocks, Math.floor(this.promptTokens / blockSize));
    if (hashed < inPrompt) {
      const start = hashed * blockSize;
      const { ids, first } = this.#prompt(start, inPrompt * blockSize);
      appendBlockHashes(this.#chain, ids, start - first, inPrompt - hashed, blockSize, this.request);
    }
    const rest = Math.max(hashed, inPrompt);
    if (rest < blocks) {
      const ids = this.tokenIds(rest * blockSize, blocks * blockSize);
      appendBlockHashes(this.#chain, ids, 0, blocks - rest, blockSize, this.request);
    }
    return this.#chain;
  }

  tokenIds(from: number, to: number): number[] {
    const { promptTokens } = this;
    const { ids, first } = this.#prompt(from, Math.min(to, promptTokens));
    const tokenIds: number[] = [];
    for (let position = from; position < to; position++) {
      const known = position < promptTokens ? ids[position - first] : this.request.sample(position - promptTokens);
      tokenIds.push(known as number);
    }
    return tokenIds;
  }

  /** At least those of the prompt's tokens: that at position `first` comes first in `ids`. */
  #prompt(from: number, to: number): { readonly ids: ArrayLike<number>; readonly first: number } {
    const { promptTokenIds } = this.request;
    if (!(promptTokenIds instanceof TokenRuns)) return { ids: promptTokenIds, first: 0 };
    return { ids: promptTokenIds.slice(from, Math.max(from, to)), first: from };
  }
}
