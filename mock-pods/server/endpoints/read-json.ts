/** Bodies that handlers read by hand, past all schemas. */
import { badRequest, invalidRequest } from "../../../fixtures/wire/errors.ts";
import { jsonText } from "../../../fixtures/wire/validation/json-text.ts";
import { parsePythonJson, PythonJsonError } from "../../../fixtures/wire/validation/python-json.ts";

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
