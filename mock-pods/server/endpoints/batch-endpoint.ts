/**
 * `POST /v1/chat/completions/batch`: each conversation a choice of one answer, none of them streamed. Who asks for a stream
 * all the same gets the last token of each: vLLM's engine then tells what is new, and nobody adds it up.
 */
import { batchBody, chatOf } from "../../../fixtures/wire/batch-request.ts";
import type { ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import { usage } from "../../../fixtures/wire/usage.ts";
import { answerCall } from "../generation/answer-call.ts";
import type { Generation } from "../generation/generation.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import { dictatedText } from "../generation/structured/dictated-text.ts";
import { json, type Answer } from "../http/answer.ts";
import { baseRequestId } from "../middleware/request-headers.ts";
import type { PodContext } from "../pod-context.ts";
import { refuseTemplate } from "../prompts/conversation.ts";
import type { Handler } from "../routes.ts";
import { admit } from "../rules/admission.ts";
import { checkPromptIds, highestPromptId } from "../rules/prompt-rules.ts";
import { checkAgainstModel, checkPriority, checkSampling, modelLimits } from "../rules/sampling-rules.ts";
import { checkConstraints } from "../rules/structure-rules.ts";
import { ChatCall, chatChoice, chatPromptLogprobs, type Told } from "./chat-call.ts";
import { renderChatPrompt, sampleLogprobs } from "./chat-endpoint.ts";

export function batchEndpoint(pod: PodContext): Handler {
  return (exchange, responder) => {
    const batch = batchBody.read(exchange.body, exchange.headers["content-type"]);
    const adapter = pod.models.resolve(batch.model);
    admit(pod, 1);
    refuseTemplate(pod, batch);
    const chats = batch.messages.map((conversation) => {
      const request = chatOf(batch, conversation);
      return { request, ...renderChatPrompt(pod, request) };
    });
    for (const { request, maxTokens } of chats) checkSampling(request, maxTokens, pod.settings.version.sampling);
    const id = `chatcmpl-${baseRequestId(pod, exchange, batch)}`;
    const created = Math.floor(Date.now() / 1000);
    const modelName = adapter?.name ?? pod.settings.servedNames[0];
    const calls = chats.map(({ request, prompt }) => new ChatCall({ pod, request, id, created, modelName, prompt }));
    const { request } = chats[0] as { request: ChatRequest };
    const prompts = chats.map(({ prompt }) => prompt.tokenIds);
    return answerCall(pod, exchange, responder, {
      streamed: false,
      plan: () => {
        checkPriority(pod, request);
        checkAgainstModel(request, sampleLogprobs(request), chatPromptLogprobs(request), modelLimits(pod));
        checkConstraints(request);
        for (const prompt of prompts) checkPromptIds(prompt, highestPromptId(pod));
        return planGenerations(pod, {
          request,
          prompts,
          maxTokens: chats.map(({ maxTokens }) => maxTokens),
          adapter,
          externalId: (index) => `${id}_${index}`,
          priority: batch.priority ?? 0,
          skipPrefixLookup: chatPromptLogprobs(request) !== null,
          dictated: dictatedText(request),
          keepSpecial: false,
        });
      },
      stream: () => {
        throw new Error("a batch is never streamed");
      },
      body: (generations) => batchAnswer(calls, generations),
    });
  };
}

function batchAnswer(calls: readonly ChatCall[], generations: readonly Generation[]): Answer {
  const { id, created, modelName, pod, request } = (calls[0] as ChatCall).options;
  const told = request.stream === true ? generations.map((generation) => lastToken(pod, generation)) : generations;
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return json(200, {
    id,
    object: "chat.completion",
    created,
    model: modelName,
    choices: calls.map((call, index) => chatChoice(call, told[index] as Told)),
    service_tier: null,
    system_fingerprint: pod.settings.systemFingerprint,
    usage: usage(sum(calls.map((call) => call.promptTokens)), sum(told.map(({ tokens }) => tokens)), undefined),
    prompt_logprobs: null,
    prompt_token_ids: null,
    prompt_text: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  });
}

function lastToken({ tokenizer }: PodContext, generation: Generation): Told {
  const tokenIds = generation.lastTokenIds(Math.min(1, generation.tokens));
  const { plan, finishReason, stopReason } = generation;
  return {
    plan,
    finishReason,
    stopReason,
    tokenIds,
    tokens: tokenIds.length,
    text: tokenizer.decodeOutput(tokenIds, true),
  };
}
