/** Bodies of refusals. */
import type { ByVersion } from "./version.ts";

export interface ErrorsProfile {
  /** Flat, and without parameters, until 0.10.1 (#22099). */
  readonly shape: "flat" | "nested";
  /** How validation names places and inputs: as one list of them, as Python's own tuples and values, or dotted and described. */
  readonly wrongFields: "list" | "tuples" | "dotted";
  /** The `type` of an error about wrong fields. */
  readonly wrongFieldsType: "BadRequestError" | "Bad Request";
  /** Whether a 404 names its parameter, and lists the served names. */
  readonly unknownModel: "bare" | "with-parameter" | "with-aliases";
}

export const ERRORS: ByVersion<ErrorsProfile> = {
  "0.7": { shape: "flat", wrongFields: "list", wrongFieldsType: "BadRequestError", unknownModel: "bare" },
  "0.10": { shape: "flat", wrongFields: "list", wrongFieldsType: "Bad Request", unknownModel: "bare" },
  "0.28": { shape: "nested", wrongFields: "tuples", wrongFieldsType: "Bad Request", unknownModel: "with-parameter" },
  "0.32": { shape: "nested", wrongFields: "dotted", wrongFieldsType: "Bad Request", unknownModel: "with-aliases" },
};
