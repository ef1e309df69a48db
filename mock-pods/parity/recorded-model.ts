/**
 * A model that says what the recorded one said, where that shows: the tokens of prompts whose answers were recorded with
 * their ids, how many tokens an answer had that ended by itself, and the stop string that ended one.
 */
import { folderTokenizer } from "../../fixtures/tokenizer/folder-tokenizer.ts";
import { commonWords, type Model } from "../server/generation/model-answer.ts";
import type { RecordedExchange, RecordedResponse } from "./recorded-exchange.ts";
import { RECORDED_TOKENIZER } from "./recorded-servers.ts";

interface Choice {
  readonly finish_reason: string;
  readonly stop_reason: string | number | null;
  readonly token_ids: number[] | null;
  readonly prompt_token_ids: number[] | null;
}

export class RecordedModel {
  readonly #ids = new Map<string, readonly number[]>();
  readonly #tokenizer = folderTokenizer(RECORDED_TOKENIZER);
  readonly #words = commonWords(this.#tokenizer);
  #endsAfter: number | undefined;
  #stop: { readonly index: number; readonly tokenId: number } | undefined;

  constructor(exchanges: readonly RecordedExchange[]) {
    for (const { response } of exchanges) {
      for (const { token_ids: ids, prompt_token_ids: prompt } of answerOf(response.body)?.choices ?? []) {
        if (ids && prompt) this.#ids.set(prompt.join(), ids);
      }
    }
  }

  /** The exchange that is played next, if it is played alone. */
  expect(exchange: RecordedExchange | undefined): void {
    this.#endsAfter = exchange === undefined ? undefined : naturalEnd(exchange.response);
    this.#stop = exchange === undefined ? undefined : this.#stopOf(exchange.response);
  }

  readonly answers: Model = (question) => {
    const words = this.#words(question);
    const ids = this.#ids.get(Array.from(question.promptTokenIds).join());
    return {
      tokenAt: (index) => (index === this.#stop?.index ? this.#stop.tokenId : (ids?.[index] ?? words.tokenAt(index))),
      naturalEndTokens: this.#endsAfter ?? Infinity,
    };
  };

  /** Of an answer that a stop string of one token ended: a stream's, whose chunks count its tokens. */
  #stopOf({ chunks = [] }: RecordedResponse) {
    const events = chunks.map(([, data]) => data);
    const stop = events.map((data) => /"stop_reason":("[^"]*")/.exec(data)?.[1]).find((found) => found !== undefined);
    if (stop === undefined) return undefined;
    const [tokenId, ...more] = this.#tokenizer.encode(JSON.parse(stop) as string);
    if (tokenId === undefined || more.length > 0) return undefined;
    return { index: tokensTold(events) - 1, tokenId };
  }
}

/** A completion, a chat, or a response. */
interface Answered {
  readonly choices?: readonly Choice[];
  readonly status?: string;
  /** In the last event of its stream. */
  readonly response?: Answered;
  readonly usage?: { readonly completion_tokens: number; readonly output_tokens?: number };
}

function answerOf(body: RecordedExchange["response"]["body"]): Answered | undefined {
  try {
    return typeof body === "string" ? (JSON.parse(body) as object) : undefined;
  } catch {
    return undefined;
  }
}

/** How many tokens the only answer had, if it ended by itself. */
function naturalEnd({ body, chunks = [], last_chunks: last = [], chunk_count: count = 0 }: RecordedResponse) {
  const answer = answerOf(body);
  const choice = answer?.choices?.[0];
  if (["stop", "tool_calls"].includes(choice?.finish_reason ?? "") && choice?.stop_reason === null)
    return answer?.usage?.completion_tokens;
  const response =
    answer ??
    answerOf(/^event: response.completed\ndata: (\{"response":.*)$/m.exec(chunks.at(-1)?.[1] ?? "")?.[1])?.response;
  if (response?.status === "completed") return response.usage?.output_tokens;
  const events = [...chunks, ...last].map(([, data]) => data);
  if (!events.some((data) => /"finish_reason":"(stop|tool_calls)","stop_reason":null/.test(data))) return undefined;
  const told = events.map((data) => Number(/"completion_tokens":(\d+)/.exec(data)?.[1] ?? 0)).at(-2);
  // One chunk a token, beside those that are no token's; not all of a long answer's were kept.
  return told || count - (events.length - tokensTold(events));
}

/** Of these, beside the role's, the usage and the end. */
function tokensTold(events: readonly string[]): number {
  return events.filter((data) => !/"role":|"choices":\[\]|\[DONE\]/.test(data)).length;
}
