/** `POST /abort_requests`: of development mode, and its twin for those who send tokens. */
import { invalidRequest } from "../../../fixtures/wire/errors.ts";
import { jsonText } from "../../../fixtures/wire/validation/json-text.ts";
import { isRecord, PythonNumber, pythonType } from "../../../fixtures/wire/validation/python-text.ts";
import { asObject, truthy } from "../../../fixtures/wire/raw-body.ts";
import { empty, json, type Answer } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import type { Exchange } from "../http/exchange.ts";
import { readJson } from "./read-json.ts";

/**
 * Without ids it ends all that is in flight. Ids are counted, known or not; the engine knows a chat by its answer's id
 * and a prompt of a completion by that and its number, as `cmpl-…-0`.
 */
export function abortRequests(pod: PodContext, { body }: Exchange): Answer {
  const request = readJson(body, () => "Invalid JSON format");
  if (!isRecord(request)) throw invalidRequest("Request body must be a JSON object", null);
  const ids = request["request_ids"];
  if (!truthy(ids)) return json(200, { status: "aborted", aborted: pod.hub.abortNamed() });
  if (typeof ids === "boolean" || ids instanceof PythonNumber) {
    return json(500, { error: `Failed to abort requests: '${pythonType(ids)}' object is not iterable` });
  }
  const given = isRecord(ids) ? Object.keys(ids) : Array.from(ids as Iterable<unknown>, String);
  pod.hub.abortNamed(new Set(given));
  return json(200, { status: "aborted", aborted: given.length });
}

/** Says nothing of what it did. */
export function abortByTokens(pod: PodContext, { body }: Exchange): Answer {
  const request = readJson(body, (error) => `JSON decode error: ${error.told(jsonText(body))}`);
  const { request_ids: ids } = asObject(request);
  if (ids === undefined || ids === null) throw invalidRequest("Missing 'request_ids' in request body", null);
  pod.hub.abortNamed(new Set(Array.isArray(ids) ? ids.map(String) : []));
  return empty(200);
}
