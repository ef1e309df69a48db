/**
 * `/v1/completions/render` and its kin for chats, in whosever words: prompts as token ids, without generating. Gateways
 * tokenize by them. They and their kin are refused unless the pod was started with `--enable-scale-out`.
 */
import { chatBody, type ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import { completionBody, type CompletionRequest } from "../../../fixtures/wire/completion-request.ts";
import { badRequest, Refusal } from "../../../fixtures/wire/errors.ts";
import { messagesBody } from "../../../fixtures/wire/messages-body.ts";
import { asChat as messageAsChat } from "../../../fixtures/wire/messages-request.ts";
import { isSet } from "../../../fixtures/wire/raw-body.ts";
import { responsesBody } from "../../../fixtures/wire/responses-body.ts";
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";
import type { Answer } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import { baseRequestId } from "../middleware/request-headers.ts";
import { renderedSampling, type RenderedBeside } from "../rules/rendered-sampling.ts";
import type { Handler, Route } from "../routes.ts";
import { checkSampling } from "../rules/sampling-rules.ts";
import { chatPromptLogprobs, parsesTools } from "./chat-call.ts";
import { renderChatPrompt } from "./chat-endpoint.ts";
import { completionPromptLogprobs } from "./completion-call.ts";
import { answerLimit, renderPrompts } from "./completions-endpoint.ts";
import { abortByTokens } from "./abort-endpoint.ts";
import { responseChat, responseId } from "./responses-endpoint.ts";
import { generateRoute } from "./generate-endpoint.ts";

/** All paths of the group, also those a pod does not serve when it is enabled. */
const SCALE_OUT_PATHS = [
  "/v1/chat/completions/render",
  "/v1/messages/render",
  "/v1/completions/render",
  "/v1/responses/render",
  "/v1/chat/completions/derender",
  "/v1/completions/derender",
  "/inference/v1/generate",
  "/inference/v1/abort_requests",
];

export function scaleOutRoutes(pod: PodContext): Route[] {
  const post = (path: string, handle: Handler): Route => ({ methods: ["POST"], path, handle });
  if (pod.settings.version.routes.scaleOut === "absent") return [];
  if (!pod.settings.scaleOut) return SCALE_OUT_PATHS.map((path) => post(path, refuseScaleOut));
  return [
    post("/v1/completions/render", (exchange) => {
      const request = completionBody.read(exchange.body, exchange.headers["content-type"]);
      pod.models.resolve(request.model);
      refuseBeams(request);
      const prompts = renderPrompts(pod, request);
      const id = `cmpl-${baseRequestId(pod, exchange, request)}`;
      const parts = prompts.map((prompt, index) => {
        const maxTokens = answerLimit(pod, request, prompt);
        const requestId = prompts.length === 1 ? id : `${id}-${index}`;
        return rendered(pod, requestId, prompt.tokenIds, request, maxTokens, {
          logprobs: request.logprobs ?? null,
          promptLogprobs: completionPromptLogprobs(request),
          keepsSpecial: false,
          tellsExtras: false,
        });
      });
      return rawJson(`[${parts.join(",")}]`);
    }),
    post("/v1/chat/completions/render", (exchange) => {
      const request = chatBody.read(exchange.body, exchange.headers["content-type"]);
      return renderedChat(pod, request, `chatcmpl-${baseRequestId(pod, exchange, request)}`);
    }),
    post("/v1/messages/render", (exchange) => {
      const request = messageAsChat(messagesBody.read(exchange.body, exchange.headers["content-type"]));
      const usageAlways = { include_usage: true, continuous_usage_stats: true };
      const chat = request.stream === true ? { ...request, stream_options: usageAlways } : request;
      return renderedChat(pod, chat, `chatcmpl-${baseRequestId(pod, exchange, chat)}`);
    }),
    post("/v1/responses/render", ({ body, headers }) => {
      const request = responsesBody.read(body, headers["content-type"]);
      pod.models.resolve(request.model);
      if (isSet(request.previous_response_id)) {
        const what = "previous_response_id is not supported by the stateless render endpoint.";
        throw new Refusal(400, "invalid_request_error", what, "previous_response_id");
      }
      return renderedChat(pod, responseChat(pod, request), responseId(request), "max_output_tokens");
    }),
    generateRoute(pod),
    post("/inference/v1/abort_requests", (exchange) => abortByTokens(pod, exchange)),
  ];
}

/** `limitName` is given by those who call it otherwise, and always tell of arguments for extensions. */
function renderedChat(pod: PodContext, request: ChatRequest, id: string, limitName?: "max_output_tokens"): Answer {
  pod.models.resolve(request.model);
  refuseBeams(request);
  const { prompt, maxTokens } = renderChatPrompt(pod, request, limitName);
  return rawJson(
    rendered(pod, id, prompt.tokenIds, request, maxTokens, {
      logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
      promptLogprobs: chatPromptLogprobs(request),
      keepsSpecial: parsesTools(pod, request),
      tellsExtras: limitName !== undefined,
    }),
  );
}

function refuseScaleOut(): never {
  throw new Refusal(
    403,
    "PermissionDeniedError",
    "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.",
  );
}

function refuseBeams({ use_beam_search: beams }: SamplingRequest): void {
  if (beams === true) throw badRequest("Beam search is not supported by the render endpoint");
}

/** JSON by hand: floats keep their point. */
function rendered(
  pod: PodContext,
  requestId: string,
  tokenIds: readonly number[],
  request: CompletionRequest | ChatRequest,
  maxTokens: number,
  beside: RenderedBeside,
): string {
  checkSampling(request, maxTokens, pod.settings.version.sampling);
  if (tokenIds.length === 0) throw badRequest("No token_ids rendered");
  const streamed = request.stream === true;
  const text = JSON.stringify;
  return (
    `{"request_id":${text(requestId)},"token_ids":${text(tokenIds)},"token_offsets":null,"features":null,` +
    `"content_parts":null,"sampling_params":${renderedSampling(request, maxTokens, beside)},"model":${text(request.model ?? null)},` +
    `"reasoning_ended":${endsReasoning(request)},"reasoning_parser_kwargs":null,"return_token_ids":null,"output_mode":"tokens",` +
    `"stream":${streamed},"stream_options":${text(streamed ? streamOptions(request) : null)},` +
    `"cache_salt":${text(request.cache_salt ?? null)},"priority":${request.priority ?? 0},` +
    `"kv_transfer_params":null,"ec_transfer_params":null}`
  );
}

/** Null where reasoning is wanted, or is none. */
function endsReasoning(request: CompletionRequest | ChatRequest): true | null {
  const { include_reasoning: wanted = true } = request as ChatRequest;
  return wanted ? null : true;
}

function streamOptions({ stream_options: given }: SamplingRequest): object | null {
  if (given === undefined || given === null) return null;
  return { include_usage: false, continuous_usage_stats: false, ...given };
}

function rawJson(body: string): Answer {
  return { status: 200, contentType: "application/json", body };
}
