/** A chat that was asked for in another API's words: looked at, planned and played as one, and told in those words. */
import type { ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import type { LoraAdapter } from "../../engine/engine.ts";
import { answerCall } from "../generation/answer-call.ts";
import type { Generation, Listener } from "../generation/generation.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import { dictatedCall, dictatedText } from "../generation/structured/dictated-text.ts";
import type { Answer } from "../http/answer.ts";
import type { Exchange, ReplyStream } from "../http/exchange.ts";
import type { Responder } from "../http/responder.ts";
import { priorityOf } from "../middleware/request-headers.ts";
import type { PodContext } from "../pod-context.ts";
import { admit } from "../rules/admission.ts";
import { checkPromptIds, highestPromptId } from "../rules/prompt-rules.ts";
import { checkAlternatives } from "../rules/token-sampling-rules.ts";
import { checkConstraints } from "../rules/structure-rules.ts";
import { checkAgainstModel, checkSampling, modelLimits } from "../rules/sampling-rules.ts";
import { ChatCall } from "./chat-call.ts";
import { renderChatPrompt, sampleLogprobs } from "./chat-endpoint.ts";

export interface TranslatedChat {
  readonly request: ChatRequest;
  readonly adapter: LoraAdapter | undefined;
  readonly id: string;
  /** What the API calls the limit of an answer, where refusals shall name it so. */
  readonly limitName?: "max_output_tokens";
  /** What else dictates the answer than a call of a tool. */
  readonly dictation?: Pick<ChatRequest, "response_format" | "structured_outputs">;
  /** The stream speaks before the engine is asked. */
  readonly beginsAtOnce?: boolean;
  stream(call: ChatCall, stream: ReplyStream, maxTokens: number): Listener;
  body(call: ChatCall, generation: Generation, maxTokens: number): Answer;
}

export function answerTranslated(
  pod: PodContext,
  exchange: Exchange,
  responder: Responder,
  chat: TranslatedChat,
): undefined {
  const { request, adapter, id } = chat;
  admit(pod, 1);
  const { prompt, maxTokens } = renderChatPrompt(pod, request, chat.limitName);
  checkSampling(request, maxTokens, pod.settings.version.sampling);
  checkAlternatives("logprobs", sampleLogprobs(request) ?? 0);
  const modelName = pod.models.answeringName(request.model, adapter?.name);
  const call = new ChatCall({ pod, request, id, created: 0, modelName, prompt });
  const dictated = { ...request, ...chat.dictation };
  let begun: Listener | undefined;
  const begin = (stream: ReplyStream) => (begun = chat.stream(call, stream, maxTokens));
  return answerCall(pod, exchange, responder, {
    streamed: request.stream === true,
    ...(chat.beginsAtOnce === true && { begin }),
    plan: () => {
      checkAgainstModel(request, sampleLogprobs(request), null, modelLimits(pod));
      if (chat.dictation !== undefined) checkConstraints(dictated);
      checkPromptIds(prompt.tokenIds, highestPromptId(pod));
      return planGenerations(pod, {
        request,
        prompts: [prompt.tokenIds],
        maxTokens: [maxTokens],
        adapter,
        externalId: () => id,
        priority: priorityOf(exchange, request),
        skipPrefixLookup: false,
        dictated: chat.dictation === undefined ? undefined : (dictatedCall(dictated) ?? dictatedText(dictated)),
        keepSpecial: call.parsesTools,
      });
    },
    stream: (stream) => begun ?? chat.stream(call, stream, maxTokens),
    body: (_, generation) => chat.body(call, generation, maxTokens),
  });
}
