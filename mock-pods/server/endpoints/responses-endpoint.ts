/** `POST /v1/responses`: a chat in the words of OpenAI's younger API, whole or streamed. Nothing is kept to be asked for again. */
import { Refusal } from "../../../fixtures/wire/errors.ts";
import { responsesBody } from "../../../fixtures/wire/responses-body.ts";
import { asChat, type ResponsesRequest } from "../../../fixtures/wire/responses-request.ts";
import { readQuery } from "../../../fixtures/wire/validation/request-query.ts";
import { bool, int, nullable, object } from "../../../fixtures/wire/validation/schema.ts";
import { floatText } from "../../../fixtures/wire/validation/python-text.ts";
import type { Generation } from "../generation/generation.ts";
import type { ReplyStream } from "../http/exchange.ts";
import type { PodContext } from "../pod-context.ts";
import { randomHex } from "../random-id.ts";
import type { Handler, Route } from "../routes.ts";
import type { ChatCall } from "./chat-call.ts";
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

function unknownResponse(id: string): Refusal {
  return new Refusal(404, "invalid_request_error", `Response with id '${id}' not found.`, "response_id");
}

interface Call {
  readonly chat: ChatCall;
  readonly request: ResponsesRequest;
  readonly createdSeconds: number;
  readonly itemId: string;
}

function responses(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = responsesBody.read(exchange.body, exchange.headers["content-type"]);
    const chat = asChat(request);
    const adapter = pod.models.resolve(chat.model);
    const { previous_response_id: before } = request;
    if (request.background === true) throw noBackground();
    if (before) throw unknownResponse(before);
    const own = { request, createdSeconds: Math.floor(Date.now() / 1000), itemId: `msg_${randomHex(16)}` };
    return answerTranslated(pod, exchange, responder, {
      request: chat,
      adapter,
      id: responseId(request),
      limitName: "max_output_tokens",
      stream: (call, stream, maxTokens) => new ResponseStream({ ...own, chat: call }, stream, maxTokens),
      body: (call, generation, maxTokens) => ({
        status: 200,
        contentType: "application/json",
        body: response({ ...own, chat: call }, maxTokens, generation, generation.text),
      }),
    });
  };
}

/** JSON by hand: floats keep their point. Without a generation it has only begun. */
function response(
  { chat, request, createdSeconds, itemId }: Call,
  maxTokens: number,
  generation?: Generation,
  said = "",
): string {
  const isCut = generation?.finishReason === "length";
  const text = JSON.stringify;
  const status = generation === undefined ? "in_progress" : isCut ? "incomplete" : "completed";
  return (
    `{"id":${text(chat.options.id)},"created_at":${createdSeconds},` +
    `"incomplete_details":${isCut ? '{"reason":"max_output_tokens"}' : "null"},"instructions":${text(request.instructions ?? null)},` +
    `"metadata":${text(request.metadata ?? null)},"model":${text(chat.options.modelName)},"object":"response",` +
    `"output":[${generation === undefined || isSilent(chat, said) ? "" : text(item(itemId, said))}],"parallel_tool_calls":${request.parallel_tool_calls ?? true},` +
    `"temperature":${floatText(request.temperature ?? 1)},"tool_choice":"none","tools":[],"top_p":${floatText(request.top_p ?? 1)},` +
    `"background":false,"max_output_tokens":${maxTokens},"max_tool_calls":${request.max_tool_calls ?? null},"previous_response_id":null,"prompt":null,` +
    `"reasoning":${text(echoed(request.reasoning, REASONING))},"service_tier":"${request.service_tier ?? "auto"}","status":"${status}","text":${text(echoed(request.text, TEXT))},"top_logprobs":null,"truncation":${text(request.truncation === undefined ? "disabled" : request.truncation)},` +
    `"usage":${text(generation === undefined ? null : usageOf(chat, generation))},"user":${text(request.user ?? null)},` +
    `"presence_penalty":${floatText(request.presence_penalty ?? 0)},"frequency_penalty":${floatText(request.frequency_penalty ?? 0)},"kv_transfer_params":null,"ec_transfer_params":null,` +
    `"input_messages":null,"output_messages":null}`
  );
}

const REASONING = { context: null, effort: null, generate_summary: null, mode: null, summary: null };
const TEXT = { format: null, verbosity: null };

/** With what was not asked for, too. */
function echoed(given: object | null | undefined, all: object): object | null {
  return given === null || given === undefined ? null : { ...all, ...given };
}

/** Who looks for calls in what was said finds nothing at all. */
function isSilent({ options: { pod } }: ChatCall, said: string): boolean {
  return said === "" && pod.settings.toolParser !== undefined;
}

function item(id: string, text: string): object {
  const content = text === "" ? [] : [{ annotations: [], text, type: "output_text", logprobs: null }];
  return { id, content, role: "assistant", status: "completed", type: "message", phase: null };
}

function usageOf(chat: ChatCall, { tokens, cachedTokens: hits }: Generation): object {
  const { cachedTokens = 0, createdTokens = 0 } = chat.details(hits) ?? {};
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

class ResponseStream {
  readonly #call: Call;
  readonly #stream: ReplyStream;
  readonly #maxTokens: number;
  #told = 0;
  #text = "";

  constructor(call: Call, stream: ReplyStream, maxTokens: number) {
    this.#call = call;
    this.#stream = stream;
    this.#maxTokens = maxTokens;
  }

  onProgress([generation]: readonly Generation[]): void {
    const delta = generation?.takeDelta();
    if (generation === undefined || delta === undefined) return;
    if (this.#told === 0) this.#begin();
    const { itemId: item_id } = this.#call;
    this.#text += delta.text;
    if (delta.text !== "") {
      const said = { content_index: 0, delta: delta.text, item_id, logprobs: [], output_index: 0 };
      this.#tell("output_text.delta", said);
    }
    if (generation.finishReason !== undefined) this.#close(generation);
  }

  #begin(): void {
    const { itemId: item_id } = this.#call;
    this.#tellWhole("created");
    this.#tellWhole("in_progress");
    const begun = { id: item_id, content: [], role: "assistant", status: "in_progress", type: "message", phase: null };
    this.#tell("output_item.added", { item: begun, output_index: 0 });
    const part = { annotations: [], text: "", type: "output_text", logprobs: [] };
    this.#tell("content_part.added", { content_index: 0, item_id, output_index: 0, part });
  }

  #close(generation: Generation): void {
    const { itemId: item_id } = this.#call;
    const text = this.#text;
    this.#tell("output_text.done", { content_index: 0, item_id, logprobs: [], output_index: 0 }, { text });
    const part = { annotations: [], text, type: "output_text", logprobs: null };
    this.#tell("content_part.done", { content_index: 0, item_id, output_index: 0, part });
    this.#tell("output_item.done", { item: item(item_id, text), output_index: 0 });
    this.#tellWhole("completed", generation);
    this.#stream.end();
  }

  #tellWhole(what: string, generation?: Generation): void {
    const whole = response(this.#call, this.#maxTokens, generation, this.#text);
    this.#write(what, `{"response":${whole},"sequence_number":${this.#told++},"type":"response.${what}"}`);
  }

  #tell(what: string, before: object, behind: object = {}): void {
    const type = `response.${what}`;
    this.#write(what, JSON.stringify({ ...before, sequence_number: this.#told++, ...behind, type }));
  }

  #write(what: string, data: string): void {
    this.#stream.write(`event: response.${what}\ndata: ${data}\n\n`);
  }
}
