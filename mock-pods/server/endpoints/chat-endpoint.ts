/** `POST /v1/chat/completions`, in the order in which vLLM looks at a request. */
import type { ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { admit } from "../rules/admission.ts";
import { json } from "../http/answer.ts";
import { renderConversation } from "../prompts/conversation.ts";
import { answerCall } from "../generation/answer-call.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import { dictatedCall, dictatedText } from "../generation/structured/dictated-text.ts";
import { orcaHeaders } from "../middleware/orca-headers.ts";
import type { PodContext } from "../pod-context.ts";
import { PromptRenderer, type RenderedPrompt } from "../prompts/prompt-rendering.ts";
import { baseRequestId, priorityOf } from "../middleware/request-headers.ts";
import type { Handler } from "../routes.ts";
import { checkExpertsStart, checkPromptIds, highestPromptId } from "../rules/prompt-rules.ts";
import { answerTokens, checkAgainstModel, checkPriority, checkSampling, modelLimits } from "../rules/sampling-rules.ts";
import { checkConstraints } from "../rules/structure-rules.ts";
import { ofVersion } from "../answer-keys.ts";
import { ChatCall, chatBody } from "./chat-call.ts";
import { ChatStream } from "./chat-stream.ts";

export function chatEndpoint(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = pod.settings.version.requests.chat.read(exchange.body, exchange.headers["content-type"]);
    const adapter = pod.models.resolve(request.model);
    admit(pod, request.n ?? 1);
    const { prompt, maxTokens } = renderChatPrompt(pod, request);
    checkSampling(request, maxTokens, pod.settings.version.sampling);
    const call = new ChatCall({
      pod,
      request,
      id: `chatcmpl-${baseRequestId(pod, exchange, request)}`,
      created: Math.floor(Date.now() / 1000),
      modelName: pod.models.answeringName(request.model, adapter?.name),
      prompt,
    });
    return answerCall(pod, exchange, responder, {
      streamed: request.stream === true,
      plan: () => {
        checkPriority(pod, request);
        checkAgainstModel(request, sampleLogprobs(request), call.promptLogprobs, modelLimits(pod));
        checkConstraints(request);
        checkPromptIds(prompt.tokenIds, highestPromptId(pod));
        checkExpertsStart(request, prompt.tokenIds.length);
        return planGenerations(pod, {
          request,
          prompts: [prompt.tokenIds],
          maxTokens: [maxTokens],
          adapter,
          externalId: () => call.options.id,
          priority: priorityOf(exchange, request),
          skipPrefixLookup: call.promptLogprobs !== null,
          dictated: dictatedCall(request) ?? dictatedText(request),
          keepSpecial: call.parsesTools,
        });
      },
      stream: (stream, generations) => new ChatStream(call, stream, generations),
      body: (generations, last) =>
        json(
          200,
          ofVersion(pod.settings.version.answers, chatBody(call, generations, last)),
          orcaHeaders(pod, exchange.headers),
        ),
    });
  };
}

/** The prompt, and the tokens that it leaves for the answer, at most as many as asked for, by whatever name. */
export function renderChatPrompt(
  pod: PodContext,
  request: ChatRequest,
  limitName?: "max_output_tokens",
): { prompt: RenderedPrompt; maxTokens: number } {
  checkTools(pod, request);
  const prompt = renderConversation(pod, request, renderer(pod, request, limitName));
  const asked = request.max_completion_tokens ?? request.max_tokens;
  return { prompt, maxTokens: answerTokens(asked, pod.settings.maxModelLenTokens - prompt.tokenIds.length) };
}

export function sampleLogprobs(request: ChatRequest): number | null {
  return request.logprobs === true && !request.logprob_token_ids?.length ? (request.top_logprobs ?? 0) : null;
}

function renderer(pod: PodContext, request: ChatRequest, limitName?: "max_output_tokens"): PromptRenderer {
  const given = request.max_completion_tokens ?? null;
  return new PromptRenderer(pod.tokenizer, {
    maxModelLenTokens: pod.settings.maxModelLenTokens,
    maxOutputTokens: given ?? request.max_tokens ?? 0,
    maxOutputParameter: limitName ?? (given === null ? "max_tokens" : "max_completion_tokens"),
    truncateTokens: request.truncate_prompt_tokens ?? null,
    truncateSide: request.truncation_side ?? null,
    tooLong: pod.settings.version.prompts.tooLong,
    addSpecialTokens: request.add_special_tokens ?? false,
  });
}

/** Tools need a parser that turns what the model says into calls. */
function checkTools(pod: PodContext, request: ChatRequest): void {
  const choice = request.tool_choice ?? "none";
  if (choice === "none" || pod.settings.toolParser !== undefined) return;
  if (choice === "auto") {
    if (pod.settings.autoToolChoice) return;
    throw badRequest('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set');
  }
  const described = choice === "required" ? '"required"' : `function "${choice.function.name}"`;
  throw badRequest(`tool_choice=${described} requires --tool-call-parser to be set`);
}
