/** The adapter file: how to start a router and how to tell it about pods, as its author writes it. */
import { dirname, resolve } from "node:path";
import { Type, type Static } from "typebox";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker, readJsonFile } from "../../fixtures/schema.ts";
import { ObserveSchema } from "./observe.ts";
import { checkTemplates } from "./template-names.ts";
import { portNames } from "./template.ts";
import { checkRouterProfile, type RouterProfile } from "../router-profile.ts";

const closed = { additionalProperties: false } as const;
const literals = <const T extends readonly string[]>(...values: T) => Type.Unsafe<T[number]>(Type.Enum([...values]));
const Words = Type.Array(Type.String(), { minItems: 1 });
const Texts = Type.Record(Type.String(), Type.String());
const Statuses = Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), { minItems: 1 });
const Pointer = Type.String({ pattern: "^(/.*)?$", examples: ["/is_healthy"] });
const Signal = Type.String({ pattern: "^SIG[A-Z0-9]+$", examples: ["SIGTERM"] });
const Millis = Type.Number({ minimum: 0 });
const Method = literals("GET", "POST", "PUT", "PATCH", "DELETE");

const HttpCall = Type.Object(
  {
    method: Method,
    url: Type.String(),
    headers: Type.Optional(Texts),
    /** A string is sent as it is, anything else as JSON; templates are filled in either. */
    body: Type.Optional(Type.Unknown()),
    status: Type.Optional(Statuses),
    /** Statuses that mean "not yet": the call is made again for up to `maxMs`. */
    retryOn: Type.Optional(Statuses),
    /** Names values of the answer, by JSON pointer, for later use as `{{pod.NAME}}`. */
    capture: Type.Optional(Type.Record(Type.String(), Pointer)),
    maxMs: Type.Optional(Millis),
  },
  closed,
);

const Poll = Type.Object(
  {
    method: Type.Optional(Method),
    url: Type.String(),
    headers: Type.Optional(Texts),
    status: Type.Optional(Statuses),
    pointer: Type.Optional(Pointer),
    equals: Type.Optional(Type.Unknown()),
    absent: Type.Optional(Type.Literal(true)),
    everyMs: Type.Optional(Type.Number({ minimum: 1 })),
    maxMs: Type.Optional(Millis),
  },
  closed,
);

const Settled = Type.Union([
  Poll,
  Type.Object({ add: Type.Optional(Poll), remove: Type.Optional(Poll) }, { ...closed, minProperties: 1 }),
]);

const Pods = Type.Union([
  Type.Object(
    { channel: Type.Literal("http"), add: HttpCall, remove: HttpCall, settled: Type.Optional(Settled) },
    closed,
  ),
  Type.Object(
    {
      channel: Type.Literal("file"),
      path: Type.String(),
      template: Type.Unknown(),
      signal: Type.Optional(Signal),
      settled: Type.Optional(Settled),
    },
    closed,
  ),
  Type.Object({ channel: Type.Literal("restart") }, closed),
  Type.Object({ channel: Type.Literal("none") }, closed),
]);

const Requirement = Type.Union([Words, Type.Object({ command: Words, why: Type.Optional(Type.String()) }, closed)]);

const common = {
  name: Type.String({ minLength: 1 }),
  version: Type.Optional(Type.String()),
  /** Text for the reader: how to get this version. The kit never installs. */
  install: Type.Optional(Type.String()),
  requires: Type.Optional(Type.Array(Requirement)),
  settle: Type.Optional(
    Type.Object(
      { afterStartMs: Type.Optional(Millis), afterAddMs: Type.Optional(Millis), why: Type.String({ minLength: 1 }) },
      closed,
    ),
  ),
  podSeenBy: Type.Optional(
    Type.Object({ header: Type.String({ minLength: 1 }), value: literals("url", "hostport", "name") }, closed),
  ),
  /** Where it shows what it counts and decides. */
  observe: Type.Optional(ObserveSchema),
  requests: Type.Optional(
    Type.Object(
      {
        paths: Type.Optional(Type.Array(literals("/v1/completions", "/v1/chat/completions"), { minItems: 1 })),
        headers: Type.Optional(Texts),
        promptForms: Type.Optional(Type.Array(literals("string", "strings", "ids"), { minItems: 1 })),
      },
      closed,
    ),
  ),
  pods: Type.Optional(Pods),
  /** vLLM's own flags, without dashes, that the router needs its pods to be started with. */
  podFlags: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
  /** A path beside the adapter file, or the profile itself. */
  profile: Type.Optional(Type.Union([Type.String(), Type.Object({})])),
};

const started = {
  env: Type.Optional(Texts),
  url: Type.String(),
  ready: Type.Optional(Poll),
  stop: Type.Optional(
    Type.Object(
      {
        signal: Type.Optional(Signal),
        graceMs: Type.Optional(Millis),
      },
      closed,
    ),
  ),
  startsEmpty: Type.Optional(Type.Boolean()),
};

const CommandAdapterFile = Type.Object(
  {
    kind: Type.Literal("command"),
    ...common,
    ...started,
    command: Words,
    cwd: Type.Optional(Type.String()),
    versionCommand: Type.Optional(Words),
  },
  closed,
);

const UrlAdapterFile = Type.Object(
  {
    kind: Type.Literal("url"),
    ...common,
    url: Type.String({ pattern: "^https?://", examples: ["http://127.0.0.1:8080"] }),
    ready: Type.Optional(Poll),
    /** Addresses the router already points at; the kit's pods bind them. */
    podsListen: Type.Array(Type.String({ pattern: "^(http://)?[^/:]+:[0-9]+/?$", examples: ["127.0.0.1:9001"] }), {
      minItems: 1,
    }),
  },
  closed,
);

const ContainerAdapterFile = Type.Object(
  {
    kind: Type.Literal("container"),
    ...common,
    ...started,
    /** Either an image, pulled unless it is there, or a folder to build one from. */
    image: Type.Optional(Type.String({ minLength: 1 })),
    build: Type.Optional(
      Type.Object({ context: Type.String({ minLength: 1 }), dockerfile: Type.Optional(Type.String()) }, closed),
    ),
    args: Type.Optional(Words),
    /** What `{{port}}`, `{{port.NAME}}` are inside, where the image leaves no choice; else the same as outside. */
    ports: Type.Optional(
      Type.Record(Type.String({ pattern: "^port(\\.[^{}|]+)?$" }), Type.Integer({ minimum: 1, maximum: 65_535 })),
    ),
    /** `bridge`: a network of its own, the pods at `host.docker.internal`. `host`: this machine's, on Linux. */
    network: Type.Optional(literals("bridge", "host")),
  },
  closed,
);

export const AdapterFileSchema = Type.Union([CommandAdapterFile, UrlAdapterFile, ContainerAdapterFile]);
const check = checker(AdapterFileSchema);

export type HttpCall = Static<typeof HttpCall>;
export type Poll = Static<typeof Poll>;
export type Settled = Static<typeof Settled>;
export type PodsChannel = Static<typeof Pods>;
export type AdapterFile = Static<typeof AdapterFileSchema>;
export type CommandAdapterFile = Static<typeof CommandAdapterFile>;
export type UrlAdapterFile = Static<typeof UrlAdapterFile>;
export type ContainerAdapterFile = Static<typeof ContainerAdapterFile>;

/** A checked adapter file with its profile, and where it stood. */
export interface LoadedAdapter<File extends AdapterFile = AdapterFile> {
  readonly file: File;
  readonly profile: RouterProfile;
  /** Absolute path, for messages. */
  readonly path: string;
  /** Its folder: `{{here}}`. */
  readonly here: string;
}

/** @throws {OperationalError} FILE_UNREADABLE, or FILE_INVALID naming file, JSON pointer, value and what is allowed */
export function loadAdapter(path: string): LoadedAdapter {
  const file = checkAdapterFile(readJsonFile(path), path);
  const here = dirname(resolve(path));
  return { file, profile: loadProfile(file.profile, path, here), path: resolve(path), here };
}

export function checkAdapterFile(value: unknown, source: string): AdapterFile {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind === "function") {
    throw new OperationalError(
      "FILE_INVALID",
      `${source}: /kind: "function" routers are TypeScript; see RouterAdapter in routeproof/conformance`,
    );
  }
  const file = check(value, source);
  const { pods } = file;
  const captured = pods?.channel === "http" ? Object.keys(pods.add.capture ?? {}) : [];
  checkTemplates(file, pods && { channel: pods.channel, captured }, source);
  if (file.kind === "container") checkContainer(file, source);
  return file;
}

function checkContainer({ image, build, ports = {}, network, ...rest }: ContainerAdapterFile, source: string): void {
  const wrong = (what: string): OperationalError => new OperationalError("FILE_INVALID", `${source}: ${what}`);
  if ((image === undefined) === (build === undefined))
    throw wrong('/: exactly one of the keys "image" and "build" is needed');
  if (network === "host" && Object.keys(ports).length > 0) {
    throw wrong('/ports: with "network": "host" nothing is mapped; pass {{port}} to the router instead');
  }
  const used = portNames(rest);
  const stray = Object.keys(ports).find((name) => !used.includes(name));
  if (stray !== undefined) throw wrong(`/ports: {{${stray}}} is used nowhere; used are ${used.join(", ")}`);
}

function loadProfile(profile: AdapterFile["profile"], path: string, here: string): RouterProfile {
  if (profile === undefined) return {};
  if (typeof profile !== "string") return checkRouterProfile(profile, `${path}, profile`);
  const profilePath = resolve(here, profile);
  return checkRouterProfile(readJsonFile(profilePath), profilePath);
}
