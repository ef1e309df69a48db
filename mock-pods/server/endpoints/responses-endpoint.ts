/** `POST /v1/responses`: a chat in the words of OpenAI's younger API, whole or streamed. Nothing is kept to be asked for again. */
import type { ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import { Refusal } from "../../../fixtures/wire/errors.ts";
import { responsesBody } from "../../../fixtures/wire/responses-body.ts";
import { asChat, dictationOf, type ResponsesRequest } from "../../../fixtures/wire/responses-request.ts";
import { readQuery } from "../../../fixtures/wire/validation/request-query.ts";
import { bool, int, nullable, object } from "../../../fixtures/wire/validation/schema.ts";
import type { Generation } from "../generation/generation.ts";
import { json, type Answer } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import { randomHex } from "../random-id.ts";
import type { Handler, Route } from "../routes.ts";
import { outputOf, responseText, untellable, type ResponseCall } from "./responses-answer.ts";
import { ResponseStream } from "./responses-stream.ts";
import { answerTranslated } from "./translated-chat.ts";

export function responsesRoutes(pod: PodContext): Route[] {
  return [
    { methods: ["POST"], path: "/v1/responses", handle: responses(pod), body: responsesBody.schema },
    { methods: ["GET"], path: "/v1/responses/{response_id}", handle: retrieve },
    { methods: ["POST"], path: "/v1/responses/{response_id}/cancel", handle: ({ path }) => refuseKept(path) },
  ];
}

const retrieveQuery = object("Retrieve", { starting_after: nullable(int), stream: nullable(bool) });

const retrieve: Handler = ({ path, query }) => {
  readQuery(retrieveQuery, query);
  return refuseKept(path);
};

/** Nothing is kept, as without `VLLM_ENABLE_RESPONSES_API_STORE`. @throws {Refusal} 404 */
function refuseKept(path: string): never {
  throw unknownResponse(path.split("/")[3] ?? "");
}

export function responseId({ request_id: id }: ResponsesRequest): string {
  return id ?? `resp_${randomHex(16)}`;
}

function noBackground(): Refusal {
  return new Refusal(
    400,
    "invalid_request_error",
    "This vLLM engine does not support `store=True` and therefore does not support the background mode. To enable these " +
      "features, set the environment variable `VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server.",
    "background",
  );
}

function twoPasts(): Refusal {
  const what = "Only one of `previous_input_messages` and `previous_response_id` can be set.";
  return new Refusal(400, "invalid_request_error", what, "previous_response_id");
}

function unknownResponse(id: string): Refusal {
  return new Refusal(404, "invalid_request_error", `Response with id '${id}' not found.`, "response_id");
}

function responses(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = responsesBody.read(exchange.body, exchange.headers["content-type"]);
    const adapter = pod.models.resolve(request.model);
    const { previous_response_id: before } = request;
    if (request.background === true) throw noBackground();
    if (before && request.previous_input_messages?.length) throw twoPasts();
    if (before !== undefined && before !== null) throw unknownResponse(before);
    const createdSeconds = Math.floor(Date.now() / 1000);
    return answerTranslated(pod, exchange, responder, {
      request: responseChat(pod, request),
      adapter,
      id: responseId(request),
      limitName: "max_output_tokens",
      dictation: dictationOf(request),
      beginsAtOnce: true,
      stream: (chat, stream, maxTokens) => new ResponseStream({ chat, request, createdSeconds, maxTokens }, stream),
      body: (chat, generation, maxTokens) => wholeResponse({ chat, request, createdSeconds, maxTokens }, generation),
    });
  };
}

/** Tools are there for the model to see also where nobody would find a call of them. */
export function responseChat({ settings }: PodContext, request: ResponsesRequest): ChatRequest {
  const chat = asChat(request);
  return settings.toolParser === undefined ? { ...chat, tool_choice: "none" } : chat;
}

function wholeResponse(call: ResponseCall, generation: Generation): Answer {
  const untold = untellable(call);
  if (untold !== undefined) return json(untold.status, untold.body);
  const body = responseText(call, outputOf(call, generation), generation);
  return { status: 200, contentType: "application/json", body };
}
