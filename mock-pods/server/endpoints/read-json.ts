/** Bodies that handlers read by hand, past all schemas. */
import { badRequest, invalidRequest, Refusal } from "../../../fixtures/wire/errors.ts";
import { jsonText } from "../../../fixtures/wire/validation/json-text.ts";
import { parsePythonJson, PythonJsonError } from "../../../fixtures/wire/validation/python-json.ts";
import { isRecord, pythonType } from "../../../fixtures/wire/validation/python-text.ts";

/** @throws {Refusal} */
export function readJson(body: Uint8Array, message: (error: PythonJsonError) => string): unknown {
  try {
    return parsePythonJson(jsonText(body));
  } catch (error) {
    if (error instanceof PythonJsonError) throw invalidRequest(message(error), null);
    const [first = 0] = body;
    throw badRequest(`'utf-8' codec can't decode byte 0x${first.toString(16)} in position 0: invalid start byte`);
  }
}

/** Who looks a key up without asking whether there can be any. @throws {Refusal} 500, in Python's words */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  throw new Refusal(500, "InternalServerError", `'${pythonType(value)}' object has no attribute 'get'`);
}
