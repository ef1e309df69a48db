/** One sample of one prompt, from submission to its last token: what vLLM's output processor keeps of a request. */
import type { GenerationRequest, TokenOutput } from "../../engine/engine.ts";
import { Detokenizer } from "./detokenizer.ts";
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import type { TextEvent } from "../http/exchange.ts";
import { TextEmitter } from "./text-emitter.ts";
import { vocabularyOf } from "./words.ts";

export interface GenerationPlan {
  readonly request: GenerationRequest;
  readonly externalId: string;
  readonly promptIndex: number;
  /** Among all choices of the call. */
  readonly choiceIndex: number;
  readonly stops: readonly string[];
  readonly stopTokenIds: ReadonlySet<number>;
  readonly eosTokenId: number | undefined;
  /** The end of sequence stops it only as one of the stop tokens, and is told as one. */
  readonly ignoresEos: boolean;
  readonly includeStop: boolean;
  readonly minTokens: number;
  readonly keepSpecial: boolean;
  /** Tokens per streamed chunk. */
  readonly intervalTokens: number;
  /** Nothing is told before its end, as of a beam. */
  readonly toldWhole: boolean;
}

export type FinishReason = "stop" | "length" | "abort";

/** What a stream may send of a generation now. */
export interface Delta {
  readonly generation: Generation;
  readonly text: string;
  /** The last so many of the generation's. */
  readonly tokens: number;
}

/** What wants to hear how generations go on. */
export interface Listener {
  /** These have new tokens, or ended. Called once a step. */
  onProgress(changed: readonly Generation[]): void;
}

/** An API call: one or more generations answered together. */
export interface Call extends Listener {
  readonly generations: readonly Generation[];
}

export class Generation {
  // What every token changes comes first, together.
  readonly id: string;
  /** Generated so far. */
  tokens = 0;
  #sentTokens = 0;
  #tokenEvent: TextEvent | undefined;
  /** From the first token on that says something else elsewhere. */
  #detokenizer: Detokenizer | undefined;
  /** Of tokens that say the same wherever they stand. */
  readonly #texts: ReadonlyMap<number, string>;
  readonly plan: GenerationPlan;
  /** From its submission on. */
  call: Call | undefined;
  /** Of the first admission; 0 until then. */
  cachedTokens = 0;
  admitted = false;
  finishReason: FinishReason | undefined;
  stopReason: string | number | null = null;
  readonly #tokenizer: ModelTokenizer;
  readonly #emitter: TextEmitter;

  constructor(plan: GenerationPlan, tokenizer: ModelTokenizer) {
    this.id = plan.request.id;
    this.plan = plan;
    this.#tokenizer = tokenizer;
    this.#texts = vocabularyOf(tokenizer).texts;
    this.#emitter = new TextEmitter(plan.stops, plan.includeStop, plan.minTokens);
  }

  /** All of it, where no deltas are taken. */
  get text(): string {
    return this.#emitter.text;
  }

  get promptTokens(): number {
    return this.plan.request.promptTokenIds.length;
  }

  /** From now on there is nothing to tell of a token in the middle of the answer but its text, by this event. */
  tellTokensBy(event: TextEvent): void {
    const { stops, intervalTokens } = this.plan;
    if (stops.length === 0 && intervalTokens === 1) this.#tokenEvent = event;
  }

  /** Takes a token, not its last, from the engine and tells it, if that is all there is to do: nearly every one of a stream. */
  tellAtOnce(tokenId: number): boolean {
    if (this.#tokenEvent === undefined || this.#detokenizer !== undefined) return false;
    const text = this.#texts.get(tokenId);
    if (text === undefined) return false;
    this.tokens++;
    this.#sentTokens++;
    this.#tokenEvent.write(text);
    return true;
  }

  /** Takes a token from the engine. True when it completed a stop string: the engine must be told to stop. */
  accept(output: Pick<TokenOutput, "tokenId" | "finishReason">): boolean {
    if (this.finishReason !== undefined) return false;
    const { tokenId } = output;
    this.tokens++;
    const stoppedByToken = output.finishReason === "stop";
    // The token that stops a request is counted and listed, but its text is not shown.
    const text = stoppedByToken && !this.plan.includeStop ? "" : this.#textOf(tokenId);
    const stop = this.#emitter.push(text);
    if (stop !== undefined && output.finishReason !== "stop") {
      this.finishReason = "stop";
      this.stopReason = stop;
      return output.finishReason === undefined;
    }
    this.finishReason = output.finishReason;
    if (stoppedByToken && (tokenId !== this.plan.eosTokenId || this.plan.ignoresEos)) this.stopReason = tokenId;
    return false;
  }

  #textOf(tokenId: number): string {
    const known = this.#detokenizer === undefined ? this.#texts.get(tokenId) : undefined;
    if (known !== undefined) return known;
    this.#detokenizer ??= new Detokenizer(this.#tokenizer, this.plan.keepSpecial);
    return this.#detokenizer.push(tokenId);
  }

  /** Ends it without another token, as the engine's own abort does. */
  abort(): void {
    this.finishReason ??= "abort";
  }

  /** The next chunk's content; undefined while the stream interval is not yet full. */
  takeDelta(): Delta | undefined {
    const waiting = this.tokens - this.#sentTokens;
    const finished = this.finishReason !== undefined;
    const { toldWhole, intervalTokens } = this.plan;
    if (!finished && (toldWhole || (this.#sentTokens > 0 && waiting < intervalTokens))) return undefined;
    this.#sentTokens += waiting;
    return { generation: this, text: this.#emitter.take(finished), tokens: waiting };
  }

  /** What the engine sampled, asked for again: few calls want ids, and no list need grow for the others. */
  get tokenIds(): number[] {
    return this.lastTokenIds(this.tokens);
  }

  lastTokenIds(tokens: number): number[] {
    const { sample } = this.plan.request;
    return Array.from({ length: tokens }, (_, index) => sample(this.tokens - tokens + index));
  }
}
