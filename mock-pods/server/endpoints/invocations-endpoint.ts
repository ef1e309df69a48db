/** `POST /invocations`, SageMaker's door: a chat if the body does for one, else a completion. */
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { isRecord, pythonType } from "../../../fixtures/wire/validation/python-text.ts";
import { requireJson, type BodyReader } from "../../../fixtures/wire/validation/request-body.ts";
import { jsonText } from "../../../fixtures/wire/validation/json-text.ts";
import { WrongBody } from "../../../fixtures/wire/validation/wrong-body.ts";
import type { Exchange } from "../http/exchange.ts";
import type { PodContext } from "../pod-context.ts";
import type { Handler } from "../routes.ts";
import { chatEndpoint } from "./chat-endpoint.ts";
import { completionsEndpoint } from "./completions-endpoint.ts";
import { readJson } from "./read-json.ts";

/** SageMaker names the adapter here; the model in the body counts for nothing. */
const ADAPTER_HEADER = "x-amzn-sagemaker-adapter-identifier";

export function invocationsEndpoint(pod: PodContext): Handler {
  const { chat, completion } = pod.settings.version.requests;
  const kinds = [
    { reader: chat, answer: chatEndpoint(pod) },
    { reader: completion, answer: completionsEndpoint(pod) },
  ];
  return (exchange, responder) => {
    requireJson(exchange.headers["content-type"]);
    const inside = { ...exchange, body: withModel(exchange, exchange.headers[ADAPTER_HEADER]) };
    for (const { reader, answer } of kinds) if (doesFor(reader, inside)) return answer(inside, responder);
    throw badRequest(
      "Cannot find suitable handler for request. Expected one of: ['ChatCompletionRequest', 'CompletionRequest']",
    );
  };
}

/** @throws {Refusal} for what is no JSON, and in Python's words for what takes no key */
function withModel({ body }: Exchange, model: string | undefined): Uint8Array {
  const value = readJson(body, (error) => `JSON decode error: ${error.told(jsonText(body))}`);
  if (Array.isArray(value)) throw badRequest("list indices must be integers or slices, not str");
  if (typeof value === "string") throw badRequest("'str' object does not support item assignment");
  if (!isRecord(value)) throw badRequest(`argument of type '${pythonType(value)}' is not iterable`);
  // The last of two keys counts. Nothing else in the text may change: it is quoted in refusals.
  const open = jsonText(body).trimEnd().slice(0, -1);
  const comma = Object.keys(value).length === 0 ? "" : ",";
  return new TextEncoder().encode(`${open}${comma}"model":${JSON.stringify(model ?? null)}}`);
}

/** @throws {Refusal} what a rule says of the body, whichever kind was meant */
function doesFor(reader: BodyReader<unknown>, { body, headers }: Exchange): boolean {
  try {
    reader.read(body, headers["content-type"]);
    return true;
  } catch (error) {
    if (error instanceof WrongBody) return false;
    throw error;
  }
}
