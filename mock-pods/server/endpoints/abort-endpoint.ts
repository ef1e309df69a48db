/** `POST /abort_requests`: of development mode, and its twin for those who send tokens. */
import { badRequest, invalidRequest } from "../../../fixtures/wire/errors.ts";
import { jsonText } from "../../../fixtures/wire/validation/json-text.ts";
import { parsePythonJson, PythonJsonError } from "../../../fixtures/wire/validation/python-json.ts";
import { isRecord } from "../../../fixtures/wire/validation/python-text.ts";
import { empty, json, type Answer } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import type { Exchange } from "../http/exchange.ts";

/**
 * Without ids it ends all that is in flight. Ids are counted, known or not; the engine knows a chat by its answer's id
 * and a prompt of a completion by that and its number, as `cmpl-…-0`.
 */
export function abortRequests(pod: PodContext, { body }: Exchange): Answer {
  const request = readJson(body, () => "Invalid JSON format");
  if (!isRecord(request)) throw invalidRequest("Request body must be a JSON object", null);
  const ids = request["request_ids"];
  const given = Array.isArray(ids) || typeof ids === "string" ? Array.from(ids as Iterable<unknown>, String) : [];
  const aborted = pod.hub.abortNamed(given.length === 0 ? undefined : new Set(given));
  return json(200, { status: "aborted", aborted: given.length === 0 ? aborted : given.length });
}

/** Says nothing of what it did. */
export function abortByTokens(pod: PodContext, { body }: Exchange): Answer {
  const request = readJson(body, (error) => `JSON decode error: ${error.told(jsonText(body))}`);
  const ids = isRecord(request) ? request["request_ids"] : undefined;
  if (ids === undefined || ids === null) throw invalidRequest("Missing 'request_ids' in request body", null);
  pod.hub.abortNamed(new Set(Array.isArray(ids) ? ids.map(String) : []));
  return empty(200);
}

/** A body that is read by hand. @throws {Refusal} */
export function readJson(body: Uint8Array, message: (error: PythonJsonError) => string): unknown {
  try {
    return parsePythonJson(jsonText(body));
  } catch (error) {
    if (error instanceof PythonJsonError) throw invalidRequest(message(error), null);
    const [first = 0] = body;
    throw badRequest(`'utf-8' codec can't decode byte 0x${first.toString(16)} in position 0: invalid start byte`);
  }
}
