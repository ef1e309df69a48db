/** Development endpoints of those who train a model while it serves: weights come from elsewhere, and no pod has any. */
import { badRequest, Refusal } from "../../../fixtures/wire/errors.ts";
import { readEmbedded } from "../../../fixtures/wire/validation/embedded-body.ts";
import { jsonText } from "../../../fixtures/wire/validation/json-text.ts";
import { isRecord, PythonNumber, pythonType } from "../../../fixtures/wire/validation/python-text.ts";
import { any, dict, list, literal, object, required, string, union } from "../../../fixtures/wire/validation/schema.ts";
import { invalidRequest } from "../../../fixtures/wire/errors.ts";
import { fnv1a } from "../fingerprint.ts";
import { json, type Answer } from "../http/answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { PodContext } from "../pod-context.ts";
import type { Handler, Route } from "../routes.ts";
import { checkSerial } from "../rules/token-sampling-rules.ts";
import { readJson } from "./read-json.ts";

const transfer = object("Body_init_weight_transfer_engine", { init_info: required(dict(any)) });
const update = object("Body_update_weights", { update_info: required(union(dict(any), list(dict(any)))) });
const finish = object("Body_finish_weight_update", { weight_version: string });
const version = object("Body_update_weight_version", { new_version: required(string) });
const check = object("Body_weight_checker", {
  action: required(literal("checksum", "reset", "compare")),
  baseline: dict(string),
});

interface Check {
  readonly action: "checksum" | "reset" | "compare";
  readonly baseline?: Readonly<Record<string, string>>;
}

export function weightRoutes(pod: PodContext): Route[] {
  const { state } = pod;
  const post = (path: string, handle: Handler, body?: Route["body"]): Route => ({
    methods: ["POST"],
    path,
    handle,
    body,
  });
  const unconfigured = (path: string, schema?: typeof transfer): Route =>
    post(
      path,
      ({ body, headers }) => {
        if (schema !== undefined) readEmbedded(schema, body, headers["content-type"]);
        throw workerFailed(
          "Weight transfer not configured. Please set weight_transfer_config to enable weight transfer.",
        );
      },
      schema,
    );
  return [
    post("/collective_rpc", collectiveRpc),
    unconfigured("/init_weight_transfer_engine", transfer),
    post("/shutdown_weight_transfer_engine", () => json(200, { message: "Weight transfer shut down" })),
    unconfigured("/start_weight_update"),
    unconfigured("/start_draft_weight_update"),
    unconfigured("/update_weights", update),
    unconfigured("/finish_weight_update", finish),
    post(
      "/update_weight_version",
      ({ body, headers }) => {
        const given = readEmbedded<{ new_version: string }>(version, body, headers["content-type"]);
        state.weightVersion = given.new_version;
        return json(200, { success: true, ...given });
      },
      version,
    ),
    { methods: ["GET"], path: "/weight_info", handle: () => json(200, { weight_version: state.weightVersion }) },
    post(
      "/weight_checker",
      ({ body, headers }) => checkWeights(pod, readEmbedded<Check>(check, body, headers["content-type"])),
      check,
    ),
  ];
}

/** Workers answer for their health, and have no other method. */
function collectiveRpc({ body }: Exchange): Answer {
  const request = readJson(body, (error) => `JSON decode error: ${error.told(jsonText(body))}`);
  if (!isRecord(request)) throw invalidRequest("Request body must be a JSON object", null);
  const { method, args } = request;
  if (method === undefined || method === null) throw invalidRequest("Missing 'method' in request body", null);
  if (args === null || args instanceof PythonNumber || typeof args === "boolean") {
    throw badRequest(`'${pythonType(args)}' object is not iterable`);
  }
  if (method instanceof PythonNumber && !method.isFloat) checkSerial(BigInt(method.source));
  if (method === "check_health") return json(200, { results: [null] });
  throw workerFailed(
    typeof method === "string"
      ? `'CPUWorker' object has no attribute '${method}'`
      : "the first argument must be callable",
  );
}

function workerFailed(what: string): Refusal {
  const told = `Worker failed with error '${what}', please check the stack trace above for the root cause`;
  return new Refusal(500, "InternalServerError", `Call to collective_rpc method failed: ${told}`);
}

/** One weight stands for all. */
function checkWeights({ settings }: PodContext, { action, baseline }: Check): Answer {
  if (action === "reset") return json(200, { status: "reset" });
  const digits = Array.from({ length: 8 }, (_, index) =>
    fnv1a(`${index} ${settings.modelPath}`).toString(16).padStart(8, "0"),
  );
  const checksums: Readonly<Record<string, string>> = { "dp0:pp0:pcp0:tp0:lm_head.weight": digits.join("") };
  if (action === "checksum") return json(200, { checksums });
  if (baseline === undefined) throw invalidRequest("action='compare' requires a 'baseline' object", null);
  const names = [...new Set([...Object.keys(checksums), ...Object.keys(baseline)])];
  const mismatches = names.filter((name) => checksums[name] !== baseline[name]).sort();
  return json(200, { match: mismatches.length === 0, mismatches });
}
