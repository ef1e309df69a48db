/**
 * vLLM's `--config FILE`: flags by name in YAML, with or without underscores. They go before those of the command line,
 * which so beat them.
 *
 * Read as 0.32 reads it (`vllm/utils/argparse_utils.py`, its YAML being 1.1): a list is several values, an empty one none; a
 * mapping is JSON; `true` is a switch and `false` its `--no-` form, but for names with underscores, where vLLM finds none.
 */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { readTextFile } from "../../fixtures/schema.ts";

/** The words of a command line, those of its `--config` file in their place. @throws OperationalError */
export async function withConfigFile(words: readonly string[]): Promise<readonly string[]> {
  const at = words.findIndex(isConfig);
  if (at < 0) return words;
  const inline = /^--config=(.*)/s.exec(words[at] as string)?.[1];
  const path = inline ?? words[at + 1];
  if (path === undefined || path === "" || path.startsWith("-")) throw usage("--config stands without a file");
  const rest = words.toSpliced(at, inline === undefined ? 2 : 1);
  if (rest.some(isConfig)) throw usage("more than one --config; vLLM takes one");
  const start = rest[0] === "vllm" && rest[1] === "serve" ? 2 : 0;
  const hasModel = rest[start]?.startsWith("-") === false;
  return rest.toSpliced(hasModel ? start + 1 : start, 0, ...(await configWords(path)));
}

function isConfig(word: string): boolean {
  return word === "--config" || word.startsWith("--config=");
}

async function configWords(path: string): Promise<string[]> {
  if (!/\.ya?ml$/.test(path)) throw usage(`--config ${path}; vLLM takes a file that ends in .yaml or .yml`);
  const config = await parse(readTextFile(path), path);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new OperationalError("FILE_INVALID", `${path}: no flags by name, as \`max-model-len: 8192\``);
  }
  return Object.entries(config as Record<string, Value>).flatMap(([name, value]) => flagWords(name, value));
}

type Value = null | string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

function flagWords(name: string, value: Value): string[] {
  if (value === true) return [`--${name}`];
  if (value === false) return name.includes("_") ? [] : [`--no-${name}`];
  if (Array.isArray(value)) return value.length === 0 ? [] : [`--${name}`, ...value.map(String)];
  if (typeof value === "object" && value !== null) return [`--${name}`, JSON.stringify(value)];
  return [`--${name}`, value === null ? "None" : String(value)];
}

/** Few command lines have a file: its parser is loaded for them alone, whole, since bundlers know it as CommonJS. */
async function parse(text: string, path: string): Promise<unknown> {
  const { default: yaml } = await import("yaml");
  try {
    return yaml.parse(text, { version: "1.1" });
  } catch (cause) {
    const [firstLine] = (cause as Error).message.split("\n");
    throw new OperationalError("FILE_INVALID", `${path}: not YAML: ${firstLine?.replace(/:$/, "")}`, { cause });
  }
}

function usage(message: string): OperationalError {
  return new OperationalError("USAGE", message);
}
