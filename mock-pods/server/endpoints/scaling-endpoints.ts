/** Elastic expert parallelism: asked of what has no experts, it can only be told to stay as it is. */
import { errorBody, invalidRequest } from "../../../fixtures/wire/errors.ts";
import { PythonNumber } from "../../../fixtures/wire/validation/python-text.ts";
import { requireJson } from "../../../fixtures/wire/validation/request-body.ts";
import { json, type Answer } from "../http/answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../routes.ts";
import { readJson } from "./read-json.ts";
import { asObject } from "../../../fixtures/wire/raw-body.ts";

export const scalingRoutes: readonly Route[] = [
  { methods: ["POST"], path: "/scale_elastic_ep", handle: scale },
  { methods: ["POST"], path: "/is_scaling_elastic_ep", handle: () => json(200, { is_scaling_elastic_ep: false }) },
];

function scale({ body, headers }: Exchange): Answer {
  requireJson(headers["content-type"]);
  const request = asObject(readJson(body, () => "Invalid JSON format"));
  const size = request["new_data_parallel_size"] ?? null;
  if (size === null) throw invalidRequest("new_data_parallel_size is required", null);
  if (!isPositive(size)) throw invalidRequest("new_data_parallel_size must be a positive integer", null);
  const { drain_timeout: timeout } = request;
  if (timeout !== undefined && !isPositive(timeout)) {
    throw invalidRequest("drain_timeout must be a positive integer", null);
  }
  const isSame = size === true || (size as PythonNumber).value === 1;
  // Foreseen, so it is not the outermost layer that answers.
  if (!isSame) return json(500, errorBody("Scale failed", "Internal Server Error", null, 500));
  return json(200, { message: `Scaled to ${size === true ? "True" : "1"} data parallel engines` });
}

/** Python's truth is a number. */
function isPositive(value: unknown): boolean {
  return value === true || (value instanceof PythonNumber && !value.isFloat && value.value > 0);
}
