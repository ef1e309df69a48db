/** A call of `/v1/responses` as a stream of events: a message or a call of a tool opens, grows and closes, one after the other. */
import type { Delta, Generation } from "../generation/generation.ts";
import { ToolCallStream, type CallNews } from "../generation/structured/tool-calls.ts";
import type { ReplyStream } from "../http/exchange.ts";
import { randomHex } from "../random-id.ts";
import { CallItem, type CallEvent } from "./responses-calls.ts";
import {
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
  | { readonly kind: "call"; readonly index: number; readonly call: CallItem };

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

  #tellCall({ id = "", index, function: { name, arguments: given } }: CallNews): void {
    if (name !== undefined) {
      this.#close();
      const call = new CallItem(this.#call.request, id, name);
      this.#open = { kind: "call", index, call };
      this.#tell("output_item.added", { item: call.item("in_progress"), output_index: this.#output.length });
    }
    if (given === undefined || this.#open?.kind !== "call" || this.#open.index !== index) return;
    this.#tellOf(this.#open.call, this.#open.call.grow(given));
  }

  #close(): void {
    const item = this.#open;
    this.#open = undefined;
    if (item?.kind === "message") this.#closeMessage(item);
    if (item?.kind !== "call") return;
    this.#tellOf(item.call, item.call.done());
    this.#done(item.call.item("completed"));
  }

  #closeMessage({ id: item_id, text, logprobs: all }: OpenItem & { kind: "message" }): void {
    const logprobs = all.length === 0 ? null : all;
    const output_index = this.#output.length;
    this.#tell("output_text.done", { content_index: 0, item_id, logprobs: [], output_index }, { text });
    const part = textPart(text, logprobs);
    this.#tell("content_part.done", { content_index: 0, item_id, output_index, part });
    this.#done(messageItem(item_id, text, logprobs));
  }

  #tellOf({ id: item_id }: CallItem, event: CallEvent | undefined): void {
    if (event === undefined) return;
    const [what, fields, last = {}] = event;
    this.#tell(what, { ...fields, item_id, output_index: this.#output.length }, {}, last);
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

function withoutBytes({ token, logprob, top_logprobs: top }: ResponseLogprob): object {
  return { token, logprob, top_logprobs: top.map((other) => ({ token: other.token, logprob: other.logprob })) };
}
