/** `POST /v1/completions`, in the order in which vLLM looks at a request. */
import { badRequest, Refusal } from "../../../fixtures/wire/errors.ts";
import type { CompletionRequest } from "../../../fixtures/wire/completion-request.ts";
import { admit } from "../rules/admission.ts";
import { orcaHeaders } from "../middleware/orca-headers.ts";
import { json } from "../http/answer.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import { dictatedText } from "../generation/structured/dictated-text.ts";
import type { PodContext } from "../pod-context.ts";
import { PromptRenderer, type RenderedPrompt } from "../prompts/prompt-rendering.ts";
import { refuseMediaOptions, type MediaOptions } from "../prompts/conversation.ts";
import { answerCall } from "../generation/answer-call.ts";
import { baseRequestId, priorityOf } from "../middleware/request-headers.ts";
import type { Handler } from "../routes.ts";
import { checkExpertsStart, checkPromptIds, highestPromptId } from "../rules/prompt-rules.ts";
import { answerTokens, checkAgainstModel, checkPriority, checkSampling, modelLimits } from "../rules/sampling-rules.ts";
import { checkConstraints } from "../rules/structure-rules.ts";
import { ofVersion } from "../answer-keys.ts";
import { CompletionCall, completionBody } from "./completion-call.ts";
import { CompletionStream } from "./completion-stream.ts";

export function completionsEndpoint(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = pod.settings.version.requests.completion.read(exchange.body, exchange.headers["content-type"]);
    if (request.stream === true && request.use_beam_search === true) {
      throw badRequest("Streaming is not currently supported with beam search");
    }
    const adapter = pod.models.resolve(request.model);
    admit(pod, request.n ?? 1);
    const prompts = renderPrompts(pod, request);
    const maxTokens = prompts.map((prompt) => answerLimit(pod, request, prompt));
    for (const limit of maxTokens) checkSampling(request, limit, pod.settings.version.sampling);
    const call = new CompletionCall({
      pod,
      request,
      id: `cmpl-${baseRequestId(pod, exchange, request)}`,
      created: Math.floor(Date.now() / 1000),
      modelName: pod.models.answeringName(request.model, adapter?.name),
      prompts,
    });
    return answerCall(pod, exchange, responder, {
      streamed: request.stream === true,
      plan: () => {
        checkLate(call);
        return planGenerations(pod, {
          request,
          prompts: prompts.map((prompt) => prompt.tokenIds),
          maxTokens,
          adapter,
          externalId: (promptIndex) => `${call.options.id}-${promptIndex}`,
          priority: priorityOf(exchange, request),
          skipPrefixLookup: call.promptLogprobs !== null,
          dictated: dictatedText(request),
          keepSpecial: false,
        });
      },
      stream: (stream, generations) => new CompletionStream(call, stream, generations),
      body: (generations, last) =>
        json(
          200,
          ofVersion(pod.settings.version.answers, completionBody(call, generations, last)),
          orcaHeaders(pod, exchange.headers),
        ),
    });
  };
}

/** What only the engine looks at: a stream has begun by then. */
function checkLate({ options: { pod, request, prompts }, promptLogprobs }: CompletionCall): void {
  const logprobs = request.logprob_token_ids?.length ? null : (request.logprobs ?? null);
  checkPriority(pod, request);
  checkAgainstModel(request, logprobs, promptLogprobs, modelLimits(pod));
  checkConstraints(request);
  for (const { tokenIds } of prompts) {
    checkPromptIds(tokenIds, highestPromptId(pod));
    checkExpertsStart(request, tokenIds.length);
  }
}

const NO_PROMPT_2025 = "please provide at least one prompt";

export function renderPrompts(pod: PodContext, request: CompletionRequest & MediaOptions): RenderedPrompt[] {
  const isNow = pod.settings.version.prompts.rules === "now";
  checkSuffix(request, isNow);
  const renderer = new PromptRenderer(pod.tokenizer, {
    maxModelLenTokens: pod.settings.maxModelLenTokens,
    maxOutputTokens: request.max_tokens ?? 16,
    maxOutputParameter: "max_tokens",
    truncateTokens: request.truncate_prompt_tokens ?? null,
    truncateSide: request.truncation_side ?? null,
    tooLong: pod.settings.version.prompts.tooLong,
    addSpecialTokens: request.add_special_tokens ?? true,
  });
  const { prompt, prompt_embeds: embeds } = request;
  if (embeds !== undefined && embeds !== null && !(Array.isArray(embeds) && embeds.length === 0)) {
    throw badRequest("You must set `--enable-prompt-embeds` to input `prompt_embeds`.", "prompt_embeds");
  }
  refuseMediaOptions(pod, request);
  if (typeof prompt === "string") return [renderer.text(prompt)];
  if (prompt === undefined || prompt === null || prompt.length === 0) {
    throw badRequest(isNow ? "You must pass at least one prompt" : NO_PROMPT_2025);
  }
  if (!isNow && Array.isArray(prompt[0]) && prompt[0].length === 0) throw badRequest(NO_PROMPT_2025);
  // An id beyond what a double holds is a bigint, until it is found to be no token.
  if (["number", "bigint"].includes(typeof prompt[0])) return [renderer.ids(prompt as readonly number[])];
  return (prompt as readonly (string | readonly number[])[]).map((one) =>
    typeof one === "string" ? renderer.text(one) : renderer.ids(one),
  );
}

function checkSuffix(request: CompletionRequest, isNow: boolean): void {
  if (request.suffix === undefined || request.suffix === null) return;
  if (!isNow) throw badRequest("suffix is not currently supported");
  const refuse = (message: string) => new Refusal(400, "BadRequestError", message, "suffix");
  if (request.echo === true) throw refuse("Echo is unsupported with suffix.");
  if ((request.truncate_prompt_tokens ?? null) !== null) {
    throw refuse("suffix is not supported with truncate_prompt_tokens");
  }
  const { prompt } = request;
  const isText =
    typeof prompt === "string" || (Array.isArray(prompt) && prompt.every((one) => typeof one === "string"));
  throw refuse(
    isText
      ? "suffix is only supported for models with FIM completion rendering"
      : "suffix requires text prompt input for FIM completion rendering",
  );
}

/** Tokens that this prompt leaves for its answer, at most as many as asked for. */
export function answerLimit(pod: PodContext, request: CompletionRequest, prompt: RenderedPrompt): number {
  const asked = request.max_tokens ?? 16;
  if (request.echo === true && asked === 0) return 1;
  return answerTokens(asked, pod.settings.maxModelLenTokens - prompt.tokenIds.length);
}
