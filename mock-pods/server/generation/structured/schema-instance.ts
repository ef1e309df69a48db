/**
 * A small instance of a JSON schema, always the same one: what a model under vLLM's grammar might say.
 *
 * Required properties only, the fewest items, the first branch of a union that can end, a word for a free string. Not
 * looked at: `not`, `if`, `uniqueItems`, `contains`, `patternProperties`, `propertyNames`, `dependent…`, `multipleOf` of
 * fractions; remote references.
 */
import { isRecord } from "../../../../fixtures/wire/validation/python-text.ts";
import { smallestMatch } from "./smallest-match.ts";

type Schema = Readonly<Record<string, unknown>>;

/** A schema that requires itself without end has no instance; where a union offers another branch, it is taken. */
const DEEPEST = 32;

const FORMATS: Readonly<Record<string, string>> = {
  date: "2025-01-01",
  time: "00:00:00Z",
  "date-time": "2025-01-01T00:00:00Z",
  duration: "P1D",
  email: "the@of.and",
  hostname: "the.of",
  ipv4: "127.0.0.1",
  ipv6: "::1",
  uri: "http://the.of/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** Undefined when no instance was found. */
export function schemaInstance(schema: unknown): unknown {
  return instance(schema, schema, 0);
}

function instance(given: unknown, root: unknown, depth: number): unknown {
  if (given === true || given === undefined) return {};
  if (!isRecord(given) || depth > DEEPEST) return undefined;
  const schema = merged(given, root, 0);
  if (schema === undefined) return undefined;
  if ("const" in schema) return schema["const"];
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  const branches = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(branches)) {
    const { anyOf: _any, oneOf: _one, ...rest } = schema;
    return firstOf(branches, (branch) => instance(isRecord(branch) ? { ...rest, ...branch } : branch, root, depth + 1));
  }
  const types = typesOf(schema);
  return firstOf(types, (type) => ofType(type, schema, root, depth));
}

function ofType(type: unknown, schema: Schema, root: unknown, depth: number): unknown {
  switch (type) {
    case "object":
      return objectOf(schema, root, depth);
    case "array":
      return arrayOf(schema, root, depth);
    case "string":
      return stringOf(schema);
    case "integer":
      return numberOf(schema, true);
    case "number":
      return numberOf(schema, false);
    case "boolean":
      return false;
    case "null":
      return null;
    default:
      return undefined;
  }
}

function objectOf(schema: Schema, root: unknown, depth: number): unknown {
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const required = new Set((schema["required"] as readonly string[] | undefined) ?? []);
  const fewest = (schema["minProperties"] as number | undefined) ?? 0;
  for (const name of Object.keys(properties)) if (required.size < fewest) required.add(name);
  for (let extra = 0; required.size < fewest; extra++) required.add(`key${extra}`);
  // In the order in which the schema lists them, as a grammar would have it.
  const names = [...Object.keys(properties).filter((name) => required.has(name)), ...required];
  const made: Record<string, unknown> = {};
  for (const name of new Set(names)) {
    const value = instance(properties[name] ?? schema["additionalProperties"] ?? true, root, depth + 1);
    if (value === undefined) return undefined;
    made[name] = value;
  }
  return made;
}

function arrayOf(schema: Schema, root: unknown, depth: number): unknown {
  const prefix = (schema["prefixItems"] as readonly unknown[] | undefined) ?? [];
  const count = (schema["minItems"] as number | undefined) ?? 0;
  const items = Array.from({ length: count }, (_, at) =>
    instance(prefix[at] ?? schema["items"] ?? true, root, depth + 1),
  );
  return items.includes(undefined) ? undefined : items;
}

function stringOf(schema: Schema): string | undefined {
  const {
    pattern,
    format,
    minLength = 0,
    maxLength = Infinity,
  } = schema as {
    pattern?: string;
    format?: string;
    minLength?: number;
    maxLength?: number;
  };
  if (pattern !== undefined) return smallestMatch(pattern);
  if (format !== undefined && FORMATS[format] !== undefined) return FORMATS[format];
  const words = "the".padEnd(minLength, " of and");
  return words.slice(0, Math.min(maxLength, Math.max(minLength, 3)));
}

/** 0, or the number nearest to it that the bounds leave. */
function numberOf(schema: Schema, whole: boolean): number | undefined {
  const bound = (name: string, otherwise: number) => (schema[name] as number | undefined) ?? otherwise;
  const step = bound("multipleOf", whole ? 1 : 0);
  const gap = step === 0 ? 1 : step;
  const up = (value: number) => (step === 0 ? value : Math.ceil(value / step) * step);
  let least = up(bound("minimum", -Infinity));
  const above = bound("exclusiveMinimum", -Infinity);
  if (least <= above) least = up(above) === above || step === 0 ? above + gap : up(above);
  const most = bound("maximum", Infinity);
  const below = bound("exclusiveMaximum", Infinity);
  const fits = (value: number) => value >= least && value <= most && value < below;
  const down = step === 0 ? most : Math.floor(most / gap) * gap;
  const under = step === 0 ? (Math.max(least, below - gap) + below) / 2 : Math.ceil(below / gap) * gap - gap;
  return [0, least, down, under, (least + Math.min(most, below)) / 2].find(
    (value) => fits(value) && (!whole || Number.isInteger(value)),
  );
}

/** With its references followed and its `allOf` taken together; undefined when a reference leads nowhere. */
function merged(schema: Schema, root: unknown, depth: number): Schema | undefined {
  if (depth > DEEPEST) return undefined;
  const { $ref: reference, allOf: parts, ...own } = schema;
  const others = [
    ...(typeof reference === "string" ? [resolve(reference, root)] : []),
    ...((parts as unknown[]) ?? []),
  ];
  let all: Schema = own;
  for (const other of others) {
    if (!isRecord(other)) return undefined;
    const part = merged(other, root, depth + 1);
    if (part === undefined) return undefined;
    all = {
      ...part,
      ...all,
      ...both(part, all, "properties", (a, b) => ({ ...(a as Schema), ...(b as Schema) })),
      ...both(part, all, "required", (a, b) => [...(a as string[]), ...(b as string[])]),
    };
  }
  return all;
}

function both(one: Schema, other: Schema, key: string, join: (a: unknown, b: unknown) => unknown): Schema {
  return key in one && key in other ? { [key]: join(one[key], other[key]) } : {};
}

function resolve(reference: string, root: unknown): unknown {
  if (!reference.startsWith("#")) return undefined;
  return reference
    .slice(1)
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>(
      (value, part) => (isRecord(value) || Array.isArray(value) ? (value as Schema)[part] : undefined),
      root,
    );
}

function typesOf(schema: Schema): readonly unknown[] {
  const { type } = schema;
  if (Array.isArray(type)) return type;
  if (type !== undefined) return [type];
  if ("items" in schema || "prefixItems" in schema || "minItems" in schema) return ["array"];
  if ("pattern" in schema || "minLength" in schema || "format" in schema) return ["string"];
  return "minimum" in schema || "maximum" in schema ? ["number"] : ["object"];
}

function firstOf<T>(choices: readonly T[], make: (choice: T) => unknown): unknown {
  for (const choice of choices) {
    const made = make(choice);
    if (made !== undefined) return made;
  }
  return undefined;
}
