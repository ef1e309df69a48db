/** What a request leaves no choice about: text under a grammar, as vLLM's structured outputs enforce it. */
import type { ChatRequest } from "../../../../fixtures/wire/chat-request.ts";
import type { SamplingRequest } from "../../../../fixtures/wire/sampling-request.ts";
import { schemaInstance } from "./schema-instance.ts";
import { smallestMatch } from "./smallest-match.ts";

/** Undefined when the model may say what it likes, and for grammars that are not modelled (EBNF, structural tags). */
export function dictatedText({
  response_format: format,
  structured_outputs: outputs,
}: SamplingRequest): string | undefined {
  if (outputs?.choice?.length) return outputs.choice[0];
  if (typeof outputs?.regex === "string") return smallestMatch(outputs.regex);
  if (outputs?.json !== undefined && outputs.json !== null) return instanceText(parsed(outputs.json));
  if (outputs?.json_object === true || format?.type === "json_object") return "{}";
  return format?.type === "json_schema" ? instanceText(format.json_schema?.schema ?? {}) : undefined;
}

/** The call that `tool_choice` forces, as a model of the Hermes family writes it. */
export function dictatedCall({ tools, tool_choice: choice }: ChatRequest): string | undefined {
  if (choice === undefined || choice === null || choice === "none" || choice === "auto") return undefined;
  const wanted = tools?.find(({ function: { name } }) => choice === "required" || name === choice.function.name);
  if (wanted === undefined) return undefined;
  const { name, parameters } = wanted.function;
  const callArguments = instanceText(parameters ?? {}) ?? "{}";
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${callArguments}}\n</tool_call>`;
}

function instanceText(schema: unknown): string | undefined {
  const made = schemaInstance(schema);
  return made === undefined ? undefined : JSON.stringify(made);
}

/** A schema may come as JSON text. */
function parsed(schema: unknown): unknown {
  if (typeof schema !== "string") return schema;
  try {
    return JSON.parse(schema);
  } catch {
    return undefined;
  }
}
