/** A call of `/v1/responses` as a stream of events: a message or a call of a tool opens, grows and closes, one after the other. */
import type { Delta, Generation } from "../generation/generation.ts";
import { ToolCallStream, type CallNews, type ToolCall } from "../generation/structured/tool-calls.ts";
import type { ReplyStream } from "../http/exchange.ts";
import { randomHex } from "../random-id.ts";
import {
  callItem,
  logprobsOf,
  messageItem,
  responseText,
  textPart,
  untellable,
  type ResponseCall,
  type ResponseLogprob,
} from "./responses-answer.ts";

/** What is being told; a call has a number among the calls. */
type OpenItem =
  | { readonly kind: "message"; readonly id: string; text: string; readonly logprobs: ResponseLogprob[] }
  | {
      readonly kind: "call";
      readonly id: string;
      readonly index: number;
      readonly callId: string;
      readonly name: string;
      text: string;
    };

export class ResponseStream {
  readonly #call: ResponseCall;
  readonly #stream: ReplyStream;
  readonly #toolCalls: ToolCallStream | undefined;
  readonly #output: object[] = [];
  #open: OpenItem | undefined;
  #told = 0;

  /** Begins at once. @throws {Refusal} for what no response can tell */
  constructor(call: ResponseCall, stream: ReplyStream) {
    this.#call = call;
    this.#stream = stream;
    this.#toolCalls = call.chat.parsesTools ? new ToolCallStream() : undefined;
    const untold = untellable(call);
    if (untold !== undefined) throw untold;
    this.#tellWhole("created");
    this.#tellWhole("in_progress");
  }

  onProgress([generation]: readonly Generation[]): void {
    const delta = generation?.takeDelta();
    if (generation === undefined || delta === undefined) return;
    if (this.#toolCalls === undefined) this.#say(delta.text, delta);
    else this.#tellParts(this.#toolCalls, delta);
    if (generation.finishReason !== undefined) this.#end(generation);
  }

  #tellParts(toolCalls: ToolCallStream, delta: Delta): void {
    const { content, calls } = toolCalls.take(delta.text);
    if (content !== null) this.#say(content, delta);
    const isOne = this.#call.request.parallel_tool_calls === false;
    for (const news of calls) if (!isOne || news.index === 0) this.#tellCall(news);
  }

  #say(text: string, { generation, tokens }: Delta): void {
    if (text === "") return;
    const { chat, request } = this.#call;
    const item = this.#open?.kind === "message" ? this.#open : this.#openMessage();
    const logprobs = logprobsOf(chat, request, generation.lastTokenIds(tokens)) ?? [];
    item.text += text;
    item.logprobs.push(...logprobs);
    this.#tell("output_text.delta", {
      content_index: 0,
      delta: text,
      item_id: item.id,
      logprobs: logprobs.map(withoutBytes),
      output_index: this.#output.length,
    });
  }

  #openMessage(): OpenItem & { kind: "message" } {
    this.#close();
    const item = { kind: "message" as const, id: `msg_${randomHex(16)}`, text: "", logprobs: [] };
    this.#open = item;
    const output_index = this.#output.length;
    const begun = { id: item.id, content: [], role: "assistant", status: "in_progress", type: "message", phase: null };
    this.#tell("output_item.added", { item: begun, output_index });
    this.#tell("content_part.added", { content_index: 0, item_id: item.id, output_index, part: textPart("", []) });
    return item;
  }

  #tellCall({ id, index, function: { name, arguments: given } }: CallNews): void {
    if (name !== undefined) {
      this.#close();
      this.#open = { kind: "call", id: `fc_${randomHex(16)}`, index, callId: id as string, name, text: "" };
      const item = callItem(calledBy(this.#open), this.#open.id, "in_progress");
      this.#tell("output_item.added", { item, output_index: this.#output.length });
    }
    if (given === undefined || this.#open?.kind !== "call" || this.#open.index !== index) return;
    this.#open.text += given;
    const where = { item_id: this.#open.id, output_index: this.#output.length };
    this.#tell("function_call_arguments.delta", { delta: given, ...where });
  }

  #close(): void {
    const item = this.#open;
    if (item === undefined) return;
    this.#open = undefined;
    const { id: item_id, text } = item;
    const output_index = this.#output.length;
    if (item.kind === "message") {
      const logprobs = item.logprobs.length === 0 ? null : item.logprobs;
      this.#tell("output_text.done", { content_index: 0, item_id, logprobs: [], output_index }, { text });
      const part = textPart(text, logprobs);
      this.#tell("content_part.done", { content_index: 0, item_id, output_index, part });
      this.#done(messageItem(item_id, text, logprobs));
    } else {
      const { name } = item;
      this.#tell("function_call_arguments.done", { arguments: text, item_id, output_index }, {}, { name });
      this.#done(callItem(calledBy(item), item_id));
    }
  }

  #done(item: object): void {
    this.#tell("output_item.done", { item, output_index: this.#output.length });
    this.#output.push(item);
  }

  #end(generation: Generation): void {
    this.#close();
    this.#tellWhole("completed", generation);
    this.#stream.end();
  }

  #tellWhole(what: string, generation?: Generation): void {
    const whole = responseText(this.#call, this.#output, generation);
    this.#write(what, `{"response":${whole},"sequence_number":${this.#told++},"type":"response.${what}"}`);
  }

  /** In the order of the wire: some fields stand before the number, some between it and the type, some last. */
  #tell(what: string, before: object, between: object = {}, last: object = {}): void {
    const type = `response.${what}`;
    this.#write(what, JSON.stringify({ ...before, sequence_number: this.#told++, ...between, type, ...last }));
  }

  #write(what: string, data: string): void {
    this.#stream.write(`event: response.${what}\ndata: ${data}\n\n`);
  }
}

function calledBy({ callId: id, name, text }: OpenItem & { kind: "call" }): ToolCall {
  return { id, type: "function", function: { name, arguments: text } };
}

function withoutBytes({ token, logprob, top_logprobs: top }: ResponseLogprob): object {
  return { token, logprob, top_logprobs: top.map((other) => ({ token: other.token, logprob: other.logprob })) };
}
