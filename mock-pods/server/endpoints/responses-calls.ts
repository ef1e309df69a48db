/** A call of a tool as an item of a response: of a function, alone or in a namespace, or of a tool that takes any text. */
import type { ResponsesRequest } from "../../../fixtures/wire/responses-request.ts";
import type { ToolCall } from "../generation/structured/tool-calls.ts";
import { randomHex } from "../random-id.ts";

/** What a stream tells of a call: the kind of event, and its own fields, before those that every event has and behind. */
export type CallEvent = readonly [kind: string, fields: object, last?: object];

export class CallItem {
  readonly id: string;
  readonly #callId: string;
  readonly #name: string;
  readonly #namespace: string | null;
  readonly #isCustom: boolean;
  #given = "";
  #told = "";

  constructor({ tools = [] }: ResponsesRequest, callId: string, name: string) {
    const space = tools.find(
      (tool) => tool.type === "namespace" && tool.tools?.some((own) => `${tool.name}__${own.name}` === name),
    );
    this.#namespace = space?.name ?? null;
    this.#name = space === undefined ? name : name.slice(`${space.name}__`.length);
    this.#isCustom = tools.some((tool) => tool.type === "custom" && tool.name === this.#name);
    this.#callId = callId;
    this.id = `${this.#isCustom ? "ctc" : "fc"}_${randomHex(16)}`;
  }

  /** Key order is the wire's. */
  item(status: "in_progress" | "completed"): object {
    const { id } = this;
    const call = { call_id: this.#callId };
    const rest = { async: null, caller: null, namespace: this.#isCustom ? null : this.#namespace };
    if (this.#isCustom) {
      const input = status === "completed" ? inputIn(this.#given) : "";
      return { ...call, input, name: this.#name, type: "custom_tool_call", id, ...rest };
    }
    return { arguments: this.#given, ...call, name: this.#name, type: "function_call", id, ...rest, status };
  }

  /** Undefined where the arguments that are new say nothing of the text yet. */
  grow(given: string): CallEvent | undefined {
    this.#given += given;
    if (!this.#isCustom) return ["function_call_arguments.delta", { delta: given }];
    const input = inputSoFar(this.#given);
    if (input === this.#told) return undefined;
    const delta = input.slice(this.#told.length);
    this.#told = input;
    return ["custom_tool_call_input.delta", { delta }];
  }

  done(): CallEvent {
    if (this.#isCustom) return ["custom_tool_call_input.done", { input: inputIn(this.#given) }];
    return ["function_call_arguments.done", { arguments: this.#given }, { name: this.#name }];
  }
}

export function wholeCall(request: ResponsesRequest, { id, function: called }: ToolCall): object {
  const call = new CallItem(request, id, called.name);
  call.grow(called.arguments);
  return call.item("completed");
}

/** The text among the arguments, or the arguments where there is none. */
function inputIn(given: string): string {
  try {
    const { input } = JSON.parse(given) as { input?: unknown };
    return typeof input === "string" ? input : given;
  } catch {
    return given;
  }
}

/** As much of the text as the arguments that have come spell; an escape is whole or nothing. */
function inputSoFar(given: string): string {
  const [, spelled = ""] = /^\s*\{\s*"input"\s*:\s*"((?:[^"\\]|\\u[0-9a-f]{4}|\\[^u])*)/i.exec(given) ?? [];
  return (JSON.parse(`"${spelled}"`) as string).replace(/[\ud800-\udbff]$/, "");
}
