/** A response of `/v1/responses`: what was asked for, and the items that the model's words were made into. */
import { badRequest, type Refusal } from "../../../fixtures/wire/errors.ts";
import { asksForLogprobs, type ResponsesRequest } from "../../../fixtures/wire/responses-request.ts";
import { pydanticText } from "../../../fixtures/wire/validation/pydantic-text.ts";
import { floatText } from "../../../fixtures/wire/validation/python-text.ts";
import type { ValidationError } from "../../../fixtures/wire/validation/judgement.ts";
import { topLogprobs } from "../generation/logprobs.ts";
import type { Generation } from "../generation/generation.ts";
import { parseToolCalls } from "../generation/structured/tool-calls.ts";
import { randomHex } from "../random-id.ts";
import type { ChatCall } from "./chat-call.ts";
import { wholeCall } from "./responses-calls.ts";

export interface ResponseCall {
  readonly chat: ChatCall;
  readonly request: ResponsesRequest;
  readonly createdSeconds: number;
  readonly maxTokens: number;
}

/** One token's, as an answer tells it; a stream leaves the bytes out. */
export interface ResponseLogprob {
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly top_logprobs: readonly Omit<ResponseLogprob, "top_logprobs">[];
}

/** What a response must have may be null in a request: refused in pydantic's words once there is an answer. */
export function untellable({ request: { background, truncation } }: ResponseCall): Refusal | undefined {
  const errors: ValidationError[] = [];
  if (background === null) {
    errors.push({ type: "bool_type", loc: ["background"], msg: "Input should be a valid boolean", input: null });
  }
  if (truncation === null) {
    const msg = "Input should be 'auto' or 'disabled'";
    errors.push({ type: "literal_error", loc: ["truncation"], msg, input: null });
  }
  return errors.length > 0 ? badRequest(pydanticText("ResponsesResponse", errors)) : undefined;
}

/** JSON by hand: floats keep their point. Without a generation it has only begun. */
export function responseText(call: ResponseCall, output: readonly object[], generation?: Generation): string {
  const { chat, request, createdSeconds, maxTokens } = call;
  const isCut = generation?.finishReason === "length";
  const text = JSON.stringify;
  const status = generation === undefined ? "in_progress" : isCut ? "incomplete" : "completed";
  const tellsMessages = generation !== undefined && request.enable_response_messages === true;
  const { prompt } = chat.options;
  const input = tellsMessages ? [rawMessage(prompt.text ?? "", prompt.tokenIds)] : null;
  const said = tellsMessages ? [rawMessage(generation.text, generation.lastTokenIds(generation.tokens))] : null;
  return (
    `{"id":${text(chat.options.id)},"created_at":${createdSeconds},` +
    `"incomplete_details":${isCut ? '{"reason":"max_output_tokens"}' : "null"},"instructions":${text(request.instructions ?? null)},` +
    `"metadata":${text(request.metadata ?? null)},"model":${text(chat.options.modelName)},"object":"response",` +
    `"output":${text(output)},"parallel_tool_calls":${request.parallel_tool_calls ?? true},` +
    `"temperature":${floatText(request.temperature ?? 1)},"tool_choice":${text(request.tool_choice ?? "auto")},` +
    `"tools":${text(request.tools ?? [])},"top_p":${floatText(request.top_p ?? 1)},` +
    `"background":false,"max_output_tokens":${maxTokens},"max_tool_calls":${request.max_tool_calls ?? null},"previous_response_id":null,"prompt":null,` +
    `"reasoning":${text(withAll(request.reasoning, REASONING))},"service_tier":"${request.service_tier ?? "auto"}","status":"${status}",` +
    `"text":${text(withAll(request.text, TEXT))},"top_logprobs":${asksForLogprobs(request) ? (request.top_logprobs ?? 0) : null},` +
    `"truncation":${text(request.truncation ?? "disabled")},` +
    `"usage":${text(generation === undefined ? null : usageOf(chat, generation))},"user":${text(request.user ?? null)},` +
    `"presence_penalty":${floatText(request.presence_penalty ?? 0)},"frequency_penalty":${floatText(request.frequency_penalty ?? 0)},"kv_transfer_params":null,"ec_transfer_params":null,` +
    `"input_messages":${text(input)},"output_messages":${text(said)}}`
  );
}

function rawMessage(message: string, tokens: ArrayLike<number>): object {
  return { message, tokens: Array.from(tokens), type: "raw_message_tokens" };
}

const REASONING = { context: null, effort: null, generate_summary: null, mode: null, summary: null };
const TEXT = { format: null, verbosity: null };

/** With what was not asked for, too. */
function withAll(given: object | null | undefined, all: object): object | null {
  return given === null || given === undefined ? null : { ...all, ...given };
}

/** A whole answer's. Who looks for calls in what was said finds nothing at all where nothing was. */
export function outputOf({ chat, request }: ResponseCall, generation: Generation): object[] {
  const { pod } = chat.options;
  const { content, calls } = chat.parsesTools
    ? parseToolCalls(generation.text)
    : { content: generation.text, calls: [] };
  const logprobs = logprobsOf(chat, request, generation.lastTokenIds(generation.tokens));
  const isSilent = !content && pod.settings.toolParser !== undefined;
  return [
    ...(isSilent ? [] : [messageItem(`msg_${randomHex(16)}`, content ?? "", logprobs)]),
    ...(request.parallel_tool_calls === false ? calls.slice(0, 1) : calls).map((call) => wholeCall(request, call)),
  ];
}

export function messageItem(id: string, text: string, logprobs: readonly ResponseLogprob[] | null): object {
  const content = text === "" ? [] : [textPart(text, logprobs)];
  return { id, content, role: "assistant", status: "completed", type: "message", phase: null };
}

export function textPart(text: string, logprobs: readonly ResponseLogprob[] | null): object {
  return { annotations: [], text, type: "output_text", logprobs };
}

const utf8 = new TextEncoder();

/** Null where none were asked for. */
export function logprobsOf(
  { options: { pod } }: ChatCall,
  request: ResponsesRequest,
  ids: readonly number[],
): ResponseLogprob[] | null {
  if (!asksForLogprobs(request)) return null;
  const count = request.top_logprobs ?? 0;
  return ids.map((id) => {
    const listed = topLogprobs(pod.tokenizer, id, { count, ids: undefined, asIds: pod.settings.tokensAsIds }).map(
      ({ token, logprob }) => ({ token, bytes: [...utf8.encode(token)], logprob }),
    );
    return { ...(listed[0] as (typeof listed)[number]), top_logprobs: listed.slice(0, count) };
  });
}

/** The cache's counts are told also where `--enable-prompt-tokens-details` was not given. */
function usageOf(chat: ChatCall, { tokens, cachedTokens: hits }: Generation): object {
  const { cachedTokens, createdTokens } = chat.cacheCounts(hits);
  return {
    input_tokens: chat.promptTokens,
    input_tokens_details: {
      cached_tokens: cachedTokens,
      cache_write_tokens: createdTokens,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: tokens,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: chat.promptTokens + tokens,
  };
}
