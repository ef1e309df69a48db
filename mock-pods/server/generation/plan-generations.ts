/** From a checked request and its prompts to the engine requests that answer it: one for each sample of each prompt. */
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";
import type { GenerationRequest, LoraAdapter } from "../../engine/engine.ts";
import type { PodContext } from "../pod-context.ts";
import { checkTellable } from "../rules/serial-rules.ts";
import { stopStrings } from "../rules/sampling-rules.ts";
import { Generation } from "./generation.ts";
import type { ModelAnswer } from "./model-answer.ts";

export interface GenerationPlanning {
  readonly request: SamplingRequest;
  readonly prompts: readonly (readonly number[])[];
  /** For each prompt. */
  readonly maxTokens: readonly number[];
  readonly adapter: LoraAdapter | undefined;
  readonly priority: number;
  /** vLLM skips the cache lookup when the logprobs of the prompt are wanted. */
  readonly skipPrefixLookup: boolean;
  /** What clients may call the request of a prompt by when they abort it. */
  readonly externalId: (promptIndex: number) => string;
  /** What the answer must be, if the request says. */
  readonly dictated: string | undefined;
  /** Special tokens are shown, whatever the request says: a tool parser looks for them. */
  readonly keepSpecial: boolean;
}

/** A bias that no ordinary logit can outweigh. */
const COMPELLING_BIAS = 50;

const NO_TOKENS: ReadonlySet<number> = new Set();

let made = 0;
let calls = 0;

/** @throws {Refusal} */
export function planGenerations(pod: PodContext, planning: GenerationPlanning): Generation[] {
  const { request, prompts } = planning;
  checkTellable(request, planning.externalId(0));
  const samples = request.n ?? 1;
  const stopTokenIds = (request.stop_token_ids?.length ?? 0) > 0 ? new Set(request.stop_token_ids) : NO_TOKENS;
  const { eosTokenId } = pod.tokenizer;
  const alone = samples * prompts.length === 1;
  const call = alone ? undefined : calls++;
  const generations = prompts.flatMap((promptTokenIds, promptIndex) =>
    Array.from({ length: samples }, (_, sample) => {
      const maxTokens = planning.maxTokens[promptIndex] as number;
      const question = { promptTokenIds, seed: Number(request.seed ?? 0), sample };
      const said = pod.model(planning.dictated === undefined ? question : { ...question, dictated: planning.dictated });
      const answer = bend(said, request, eosTokenId);
      const { stopAfter, ends } = firstStop(answer, request, stopTokenIds, maxTokens);
      const endsAt = ends && eosTokenId !== undefined ? (stopAfter as number) - 1 : -1;
      const tokenAt =
        endsAt < 0
          ? answer.tokenAt
          : (index: number) => (index === endsAt ? (eosTokenId as number) : answer.tokenAt(index));
      return new Generation(
        {
          request: {
            ...engineRequest(planning, promptTokenIds, maxTokens, stopAfter, tokenAt),
            ...(call !== undefined && { call: { number: call, requestId: requestId(promptIndex, sample, samples) } }),
          },
          externalId: planning.externalId(promptIndex),
          promptIndex,
          choiceIndex: promptIndex * samples + sample,
          stops: stopStrings(request),
          stopTokenIds,
          eosTokenId,
          ignoresEos: request.ignore_eos === true,
          includeStop: request.include_stop_str_in_output ?? false,
          minTokens: request.min_tokens ?? 0,
          keepSpecial: planning.keepSpecial || request.skip_special_tokens === false,
          toldWhole: request.use_beam_search === true,
          intervalTokens: Math.max(pod.settings.streamIntervalTokens, Number(request.stream_interval ?? 1)),
        },
        pod.tokenizer,
      );
    }),
  );
  // As long as it is: what flatMap makes has room for sixteen more.
  return generations.slice();
}

/** What sets apart the ids that vLLM gives the requests of a call: a sample's number leads, its prompt's follows. */
function requestId(promptIndex: number, sample: number, samples: number): string {
  return samples === 1 ? `${promptIndex}-` : `${sample}_${promptIndex}-`;
}

function engineRequest(
  { request, adapter, priority, skipPrefixLookup }: GenerationPlanning,
  promptTokenIds: readonly number[],
  maxTokens: number,
  stopAfterTokens: number | undefined,
  sample: (index: number) => number,
): GenerationRequest {
  const asked: { -readonly [Key in keyof GenerationRequest]: GenerationRequest[Key] } = {
    id: `g${made++}`,
    promptTokenIds,
    maxTokens,
    sample,
  };
  if (stopAfterTokens !== undefined) asked.stopAfterTokens = stopAfterTokens;
  if (request.cache_salt !== undefined && request.cache_salt !== null) asked.cacheSalt = request.cache_salt;
  if (adapter !== undefined) asked.lora = adapter;
  if (priority !== 0) asked.priority = priority;
  if (skipPrefixLookup) asked.skipPrefixLookup = true;
  return asked;
}

/** The answer under the request's constraints on single tokens. */
function bend(answer: ModelAnswer, request: SamplingRequest, eosTokenId: number | undefined): ModelAnswer {
  const forced = Object.entries(request.logit_bias ?? {})
    .filter(([, bias]) => bias >= COMPELLING_BIAS)
    .sort((a, b) => b[1] - a[1])[0]?.[0];
  if (forced !== undefined) {
    const id = Number(forced);
    return { tokenAt: () => id, naturalEndTokens: id === eosTokenId ? 1 : Infinity };
  }
  const allowed = request.allowed_token_ids;
  if (allowed !== undefined && allowed !== null) {
    const ends = eosTokenId !== undefined && allowed.includes(eosTokenId);
    return {
      tokenAt: (index) => allowed[index % allowed.length] as number,
      naturalEndTokens: ends ? allowed.indexOf(eosTokenId) + 1 : Infinity,
    };
  }
  return answer;
}

/**
 * Tokens up to and with the one that stops the request; undefined when only its length does. `ends`: it is the
 * end-of-sequence token.
 */
function firstStop(
  answer: ModelAnswer,
  request: SamplingRequest,
  stopTokenIds: ReadonlySet<number>,
  maxTokens: number,
): { readonly stopAfter: number | undefined; readonly ends: boolean } {
  const earliest = Math.max(1, (request.min_tokens ?? 0) + 1);
  const natural = request.ignore_eos === true ? Infinity : Math.max(answer.naturalEndTokens, earliest);
  let stop = natural;
  if (stopTokenIds.size > 0) {
    const last = Math.min(maxTokens, natural);
    for (let count = earliest; count <= last; count++) {
      if (stopTokenIds.has(answer.tokenAt(count - 1))) {
        stop = count;
        break;
      }
    }
  }
  return { stopAfter: stop <= maxTokens ? stop : undefined, ends: stop === natural && stop <= maxTokens };
}
