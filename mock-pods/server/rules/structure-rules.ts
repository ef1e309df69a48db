/**
 * What vLLM 0.32 refuses about structured outputs once the engine takes a request (`sampling_params.py`), in its words.
 *
 * Grammars themselves are compiled by libraries of their own; of what those say about a broken one the commonest is here.
 */
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { isStructuralTagText } from "../../../fixtures/wire/structural-tag.ts";
import { parsePythonJson, PythonJsonError } from "../../../fixtures/wire/validation/python-json.ts";
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";

const JSON_TYPES = ["null", "boolean", "object", "array", "number", "integer", "string"];

/** @throws {Refusal} for what the server was not started for */
export function checkConstraints(request: SamplingRequest): void {
  checkStructure(request);
  if ((request.thinking_token_budget ?? -1) === -1) return;
  throw badRequest(
    "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser and/or " +
      "--reasoning-config to use thinking_token_budget.",
  );
}

function checkStructure({ structured_outputs: given, response_format: format }: SamplingRequest): void {
  if (format?.type === "json_schema") checkSchema(format.json_schema?.schema);
  if (given === undefined || given === null) return;
  const { choice, grammar, json, regex, structural_tag: tag } = given;
  if (choice?.length === 0) throw badRequest("Choice '[]' cannot be an empty list");
  if (grammar?.trim() === "") throw badRequest("structured_outputs.grammar cannot be an empty string");
  if (typeof json === "string" && json.trim() === "") {
    throw badRequest("structured_outputs.json cannot be an empty string");
  }
  if (given.json_object === false) {
    throw badRequest(
      "structured_outputs.json_object must be True if set; omit structured_outputs to disable structured outputs",
    );
  }
  if (regex?.includes("\0") === true) {
    throw badRequest("structured_outputs.regex must not contain a NUL character ('\\x00')");
  }
  if (typeof regex === "string") checkRegex(regex);
  checkSchema(typeof json === "string" ? parsed(json) : json);
  if (typeof grammar === "string") checkGrammar(grammar);
  if (typeof tag === "string") checkTag(tag);
}

/** Of those who do not look at it before. */
function checkTag(tag: string): void {
  if (tag.trim() === "") throw badRequest("structured_outputs.structural_tag cannot be an empty string");
  if (isStructuralTagText(tag)) return;
  try {
    parsePythonJson(tag);
  } catch (error) {
    if (error instanceof PythonJsonError) throw badRequest(`Invalid grammar specification: ${error.told(tag)}`);
  }
  throw badRequest("Invalid grammar specification: 'triggers'");
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw badRequest("Invalid JSON grammar specification.");
  }
}

function checkSchema(schema: unknown): void {
  const type = schema !== null && typeof schema === "object" ? (schema as { type?: unknown }).type : undefined;
  if (typeof type === "string" && !JSON_TYPES.includes(type)) throw badRequest(`Grammar error: Invalid type: ${type}`);
}

function checkGrammar(grammar: string): void {
  const [first = ""] = grammar.trim().split("\n");
  if (grammar.includes("::=") || first.includes(":")) return;
  throw badRequest(
    "Invalid grammar specification: Failed to convert the grammar from GBNF to Lark: " +
      `Expected ::= at line 1, '${first}' ^ ''`,
  );
}

/** The pattern as the grammar that it is made into shows it, with a caret under what is wrong. */
function checkRegex(regex: string): void {
  const fault = faultOf(regex);
  if (fault === undefined) return;
  const shown = JSON.stringify(regex);
  throw badRequest(
    `Grammar error: at 1(8): invalid regex ${shown} (in regex): regex parse error:\n    ${regex}\n` +
      `    ${" ".repeat(fault.at)}^\nerror: ${fault.what}\n   1 | start: /${regex}/\n              ^`,
  );
}

function faultOf(regex: string): { readonly at: number; readonly what: string } | undefined {
  if (isRegex(regex)) return undefined;
  if (/^[*+?]/.test(regex)) return { at: 0, what: "repetition operator missing expression" };
  const open = regex.indexOf("[");
  if (open >= 0 && !regex.includes("]", open)) return { at: open, what: "unclosed character class" };
  const group = regex.indexOf("(");
  if (group >= 0 && !regex.includes(")", group)) return { at: group, what: "unclosed group" };
  return { at: Math.max(0, regex.indexOf(")")), what: "unopened group" };
}

function isRegex(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
