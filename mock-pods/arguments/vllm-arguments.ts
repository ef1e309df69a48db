/**
 * vLLM's command line, as far as a pod needs it: which words are flags, which are their values, and what is unknown.
 *
 * `--name value`, `--name=value`, `--no-name`, underscores for dashes, several values for a list, dotted keys for JSON
 * (`--kv-events-config.topic kv@a@b`), and sizes such as `32k` are read as vLLM reads them. The names are those of 0.32.
 */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { parseJson } from "../../fixtures/schema.ts";
import known from "./vllm-flags.json" with { type: "json" };

export interface VllmArguments {
  /** Without dashes. A list's values are joined by spaces. */
  readonly flags: Readonly<Record<string, string | boolean>>;
  /** The model given without `--model`. */
  readonly model: string | undefined;
  readonly warnings: readonly string[];
}

const SWITCHES = new Set(known.switches);
const OPTIONS = new Set(known.options);
const SHORT: Readonly<Record<string, string>> = {
  "-tp": "tensor-parallel-size",
  "-pp": "pipeline-parallel-size",
  "-dp": "data-parallel-size",
  "-q": "quantization",
  "-asc": "api-server-count",
  "-O": "optimization-level",
  "-cc": "compilation-config",
};

/** The others take one value, so that a model may follow it. */
const LISTS = new Set([
  "allowed-media-domains",
  "api-key",
  "cudagraph-capture-sizes",
  "custom-histogram-buckets",
  "device-ids",
  "disable-access-log-for-endpoints",
  "ignore-patterns",
  "kv-cache-dtype-skip-layers",
  "logits-processors",
  "lora-modules",
  "lora-target-modules",
  "numa-bind-cpus",
  "numa-bind-nodes",
  "served-model-name",
  "sleep-preserve-parameter-names",
]);

/** What vLLM would do otherwise and a router, a client or a capacity could show. */
const NOT_MODELLED: Readonly<Record<string, string>> = {
  "speculative-config": "tokens come one a step",
  "kv-transfer-config": "KV blocks stay on their pod",
  "data-parallel-size": "one pod is one rank; start more of them",
  quantization: "weights count in fp16; --kv-cache-memory-bytes sets what is left",
  "async-scheduling": "steps are scheduled one by one",
  "ssl-certfile": "pods speak plain HTTP",
  uds: "pods listen on TCP",
  "root-path": "paths have no prefix",
  "prefill-schedule-interval": "every step may admit",
};

/** @throws OperationalError USAGE for an option without its value; FILE_INVALID for broken JSON beside dotted keys */
export function readVllmArguments(given: readonly string[]): VllmArguments {
  const words = given[0] === "vllm" && given[1] === "serve" ? given.slice(2) : given;
  const flags: Record<string, string | boolean> = {};
  const nested: Record<string, Record<string, unknown>> = {};
  const warnings: string[] = [];
  let model: string | undefined;
  for (let index = 0; index < words.length;) {
    const word = words[index++] as string;
    if (!word.startsWith("-")) {
      if (model === undefined) model = word;
      else warnings.push(`${word} is neither a flag nor a flag's value; it is ignored`);
      continue;
    }
    const { name, inline } = splitFlag(word);
    const values = inline === undefined ? [] : [inline];
    const positive = name.replace(/^no-/, "");
    const isSwitch =
      SWITCHES.has(positive) || (inline === undefined && !OPTIONS.has(base(name)) && !hasValue(words, index));
    if (!isSwitch && inline === undefined) {
      const most = LISTS.has(name) ? Infinity : 1;
      while (values.length < most && hasValue(words, index)) values.push(words[index++] as string);
    }
    if (!SWITCHES.has(positive) && !OPTIONS.has(base(name))) {
      warnings.push(`vLLM has no flag --${name}; it is ignored`);
      continue;
    }
    if (!isSwitch && values.length === 0) {
      throw new OperationalError("USAGE", `--${name} stands without a value; vLLM wants one`);
    }
    const why = NOT_MODELLED[base(positive)];
    if (why !== undefined && !name.startsWith("no-")) warnings.push(`--${name} changes nothing here: ${why}`);
    const dot = name.indexOf(".");
    if (isSwitch) flags[positive] = inline === undefined ? !name.startsWith("no-") : inline;
    else if (dot > 0) setPath((nested[base(name)] ??= {}), name.slice(dot + 1).split("."), values.join(" "));
    else flags[name] = values.map(expandSize).join(" ");
  }
  for (const [name, value] of Object.entries(nested)) {
    const given = typeof flags[name] === "string" ? (parseJson(flags[name], name) as object) : {};
    flags[name] = JSON.stringify({ ...given, ...value });
  }
  return { flags, model, warnings };
}

/**
 * For flags that a program names: there a misspelt one is a mistake, where a manifest's may be of another version.
 *
 * @throws OperationalError USAGE naming it
 */
export function assertVllmFlags(flags: Readonly<Record<string, unknown>>): void {
  if (Object.hasOwn(flags, "model")) {
    throw new OperationalError("USAGE", 'the model is no flag but an option of its own: { model: "…", flags: { … } }');
  }
  const stray = Object.keys(flags).find(
    (name) => !SWITCHES.has(name.replace(/^no-/, "")) && !OPTIONS.has(name) && name !== "vllm-version",
  );
  if (stray === undefined) return;
  const written = stray.replace(/^-+/, "").replaceAll("_", "-");
  const advice = written === stray ? 'they are written as { "max-num-seqs": 64 }' : `write it as "${written}"`;
  throw new OperationalError("USAGE", `vLLM has no flag "${stray}"; ${advice}`);
}

function splitFlag(word: string): { name: string; inline: string | undefined } {
  const at = word.indexOf("=");
  const written = at < 0 ? word : word.slice(0, at);
  const dot = written.indexOf(".");
  const level = /^-O([0-3])$/.exec(word)?.[1];
  if (level !== undefined) return { name: "optimization-level", inline: level };
  const head = dot < 0 ? written : written.slice(0, dot);
  const name = SHORT[head] ?? head.replace(/^--?/, "").replaceAll("_", "-");
  return { name: name + (dot < 0 ? "" : written.slice(dot)), inline: at < 0 ? undefined : word.slice(at + 1) };
}

function base(name: string): string {
  return name.split(".", 1)[0] as string;
}

function hasValue(words: readonly string[], index: number): boolean {
  const word = words[index];
  return word !== undefined && (!word.startsWith("-") || /^-[0-9.]/.test(word));
}

/** `1k` is 1,000 and `1K` is 1,024, and so on. */
function expandSize(value: string): string {
  const size = /^([0-9]+(?:\.[0-9]+)?)([kmgtKMGT])$/.exec(value);
  if (size === null) return value;
  const [, number = "", unit = ""] = size;
  const power = "kmgt".indexOf(unit.toLowerCase()) + 1;
  return String(Math.floor(Number(number) * (unit === unit.toLowerCase() ? 1000 : 1024) ** power));
}

function setPath(target: Record<string, unknown>, path: readonly string[], text: string): void {
  const [head = "", ...rest] = path;
  const key = head.replaceAll("-", "_");
  if (rest.length === 0) target[key] = jsonOrText(text);
  else setPath((target[key] ??= {}) as Record<string, unknown>, rest, text);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
