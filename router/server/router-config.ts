/**
 * What an operator may set, once as a schema: flags, environment and file are three spellings of it. A flag beats the
 * environment, which beats the file, which beats the default.
 */
import { Type, type Static, type TSchema } from "typebox";
import { parse as parseYaml } from "yaml";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker, readTextFile } from "../../fixtures/schema.ts";
import { MODES, STRATEGIES } from "../core/options.ts";
import { LOG_LEVELS } from "./reporting/log.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const port = (description: string, byDefault: number) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: byDefault, description });
const ms = (description: string, byDefault: number) =>
  Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, default: byDefault, description });

/** All but the oracle, which sees into its pods: only a replay can let it. */
const SERVED_STRATEGIES = STRATEGIES.filter((strategy) => strategy !== "oracle");

const SETTINGS = {
  backends: Type.String({ description: "pods, by comma: http://host:port, or http://host:port=a6000 to say the card" }),
  backendsFile: Type.String({ description: "JSON or YAML list of pods ({url, name, gpu, models}), watched" }),
  backendsDns: Type.String({
    description: "host:port (A and AAAA records) or _service._proto.name (SRV), looked up again and again",
  }),
  backendsDnsMs: ms("between two look-ups", 5000),
  backendsKubernetes: Type.String({
    description: "namespace/label-selector of EndpointSlices, e.g. default/kubernetes.io/service-name=vllm",
  }),
  strategy: Type.Enum([...SERVED_STRATEGIES], {
    default: "prefix-cache-and-load",
    description: `one of ${SERVED_STRATEGIES.join(", ")}`,
  }),
  mode: Type.Enum([...MODES], {
    default: "corrected",
    description: `how prefix-cache-and-load decides: ${MODES.join(", ")}`,
  }),
  threshold: Type.Number({ minimum: 0, maximum: 1, description: "share of the prompt above which the prefix decides" }),
  gpu: Type.String({ default: "v100", description: "card of pods that name none" }),
  tokenizer: Type.String({ description: "the model's folder with tokenizer.json; cl100k_base without" }),
  seed: Type.Integer({ minimum: 0, default: 0, description: "seed of every draw" }),
  host: Type.String({ default: "127.0.0.1", description: "address of the data port" }),
  port: port("data port; 0 lets the system choose", 8080),
  adminHost: Type.String({ default: "127.0.0.1", description: "address of the admin port" }),
  adminPort: port("admin port; 0 lets the system choose, and a loopback data port then answers /admin/ too", 0),
  receiveMs: ms("limit for receiving a request whole", 300_000),
  connectMs: ms("limit for connecting to a pod", 2000),
  firstByteMs: ms("limit for a pod's first byte", 600_000),
  idleMs: ms("limit between two pieces of an answer", 900_000),
  probeMs: ms("between two health checks of a pod", 5000),
  probeTimeoutMs: ms("limit for a health check", 5000),
  breakerFailures: Type.Integer({ minimum: 1, default: 5, description: "failures in a row that rest a pod" }),
  breakerOpenMs: ms("how long a pod then rests", 2000),
  retryRatio: Type.Number({
    minimum: 0,
    maximum: 10,
    default: 0.2,
    description: "retries earned per request; ten a second are free",
  }),
  drainMs: Type.Integer({
    minimum: 0,
    maximum: 2 ** 31 - 1,
    default: 30_000,
    description: "how long SIGTERM waits for answers under way",
  }),
  maxRetries: Type.Integer({
    minimum: 0,
    default: DEFAULT_SETTINGS.maxRetries,
    description: "further attempts of one request",
  }),
  maxBodyBytes: Type.Integer({
    minimum: 1,
    default: DEFAULT_SETTINGS.maxBodyBytes,
    description: "largest request body",
  }),
  apiKey: Type.String({ minLength: 1, description: "bearer token for /v1/... on the data port" }),
  adminToken: Type.String({ minLength: 1, description: "bearer token for the admin port" }),
  logLevel: Type.Enum([...LOG_LEVELS], { default: DEFAULT_SETTINGS.logLevel, description: LOG_LEVELS.join(", ") }),
};

export const RouterConfigSchema = Type.Partial(Type.Object(SETTINGS), { additionalProperties: false });

type Given = Static<typeof RouterConfigSchema>;
type Key = keyof Given;
type WithoutDefault =
  | "backends"
  | "backendsFile"
  | "backendsDns"
  | "backendsKubernetes"
  | "threshold"
  | "tokenizer"
  | "apiKey"
  | "adminToken";

/** Complete but for what has no default. */
export type RouterConfig = Required<Omit<Given, WithoutDefault>> & Pick<Given, WithoutDefault>;

/** A restart is not needed for these; nor for the pods, wherever they come from. */
export const LIVE_KEYS = [
  "maxRetries",
  "maxBodyBytes",
  "apiKey",
  "adminToken",
  "logLevel",
] as const satisfies readonly Key[];

export const CONFIG_KEYS = Object.keys(SETTINGS) as Key[];

const check = checker(RouterConfigSchema);

/**
 * Merges the three sources.
 *
 * @param flags as commander gives them: camelCase keys, string values
 * @throws {OperationalError} FILE_INVALID or USAGE, naming the source, the key, the value and what is allowed
 */
export function readRouterConfig(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>>,
): RouterConfig {
  const fromEnvironment = CONFIG_KEYS.map((key) => given(key, environment[environmentName(key)], environmentName(key)));
  const fromFlags = CONFIG_KEYS.map((key) => given(key, flags[key], flagName(key)));
  const defaults = Object.fromEntries(
    CONFIG_KEYS.flatMap((key) => (defaultOf(key) === undefined ? [] : [[key, defaultOf(key)]])),
  );
  return Object.assign(
    defaults,
    file === undefined ? {} : readFile(file),
    ...fromEnvironment,
    ...fromFlags,
  ) as RouterConfig;
}

export function flagName(key: Key): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function environmentName(key: Key): string {
  return `ROUTEPROOF_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

export function describeSetting(key: Key): string {
  const { description = "" } = SETTINGS[key] as { description?: string };
  const byDefault = defaultOf(key);
  return byDefault === undefined ? description : `${description} (default ${byDefault})`;
}

function defaultOf(key: Key): string | number | undefined {
  return (SETTINGS[key] as { default?: string | number }).default;
}

function given(key: Key, text: string | undefined, source: string): Given {
  if (text === undefined) return {};
  // What Kubernetes puts into every container beside a Service named `routeproof`.
  if (source === "ROUTEPROOF_PORT" && text.startsWith("tcp://")) return {};
  const { type } = SETTINGS[key] as TSchema & { type?: string };
  const isNumber = (type === "integer" || type === "number") && text.trim() !== "" && Number.isFinite(Number(text));
  try {
    return check({ [key]: isNumber ? Number(text) : text }, source);
  } catch (error) {
    // The source names the key already.
    throw new OperationalError("USAGE", (error as Error).message.replace(`: /${key}: `, ": "), { cause: error });
  }
}

function readFile(file: string): Given {
  const text = readTextFile(file);
  let value: unknown;
  try {
    // YAML 1.2 is a superset of JSON.
    value = parseYaml(text) ?? {};
  } catch (cause) {
    const [line = ""] = (cause as Error).message.split("\n");
    throw new OperationalError("FILE_INVALID", `${file}: ${line.replace(/:$/, "")}`, { cause });
  }
  return check(value, file);
}
