/** Fills `{{name}}` and `{{name|filter}}` in the strings of an adapter file. */
import { OperationalError } from "../../fixtures/operational-error.ts";

/** What the names stand for. A list is joined, or becomes several arguments where it stands alone. */
export type TemplateValues = Readonly<Record<string, string | readonly string[]>>;

const SLOT = /\{\{([^{}|]+)(?:\|([^{}]*))?\}\}/g;

/** `|json` writes JSON, `|uri` percent-encodes, anything else separates the items of a list (a comma by default). */
export function expandText(text: string, values: TemplateValues): string {
  return text.replaceAll(SLOT, (_, name: string, filter: string | undefined) => {
    const value = lookUp(name, values);
    if (filter === "json") return JSON.stringify(value);
    const items = typeof value === "string" ? [value] : value;
    return filter === "uri" ? items.map(encodeURIComponent).join(",") : items.join(filter ?? ",");
  });
}

/**
 * A text cut at `{{#pods}}` and `{{/pods}}`: at even places what stands once, at odd ones what stands once for each pod.
 */
export function cutAtPods(text: string): string[] {
  return text.split(/\{\{#pods\}\}([^]*?)\{\{\/pods\}\}/);
}

/** An argument that is exactly one list becomes one argument per item; none when the list is empty. */
export function expandArguments(words: readonly string[], values: TemplateValues): string[] {
  return words.flatMap((word) => {
    const list = wholeList(word, values);
    return list ?? [expandText(word, values)];
  });
}

/** Fills each value, not the names. */
export function expandTexts(texts: Readonly<Record<string, string>>, values: TemplateValues): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, expandText(text, values)]));
}

/** Fills the strings of a JSON value; a string that is exactly one list becomes an array. */
export function expandJson(value: unknown, values: TemplateValues): unknown {
  if (typeof value === "string") return wholeList(value, values) ?? expandText(value, values);
  if (Array.isArray(value)) return value.map((item) => expandJson(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [expandText(key, values), expandJson(item, values)]),
  );
}

/** The names `{{port}}` and `{{port.NAME}}` that occur anywhere in a JSON value. */
export function portNames(value: unknown): string[] {
  const names = [...JSON.stringify(value).matchAll(/\{\{(port(?:\.[^{}|]+)?)(?:\|[^{}]*)?\}\}/g)].map(
    ([, name]) => name,
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

function wholeList(text: string, values: TemplateValues): string[] | undefined {
  const name = /^\{\{([^{}|]+)\}\}$/.exec(text)?.[1];
  const value = name === undefined ? undefined : lookUp(name, values);
  return value === undefined || typeof value === "string" ? undefined : [...value];
}

function lookUp(name: string, values: TemplateValues): string | readonly string[] {
  const value = Object.hasOwn(values, name.trim()) ? values[name.trim()] : undefined;
  if (value !== undefined) return value;
  const known = Object.keys(values).join(", ");
  throw new OperationalError("FILE_INVALID", `adapter template: nothing is called {{${name}}} here; there is ${known}`);
}
