/** Recorded scheduler workloads: JSON lines, gzipped or not, one workload a line after an optional header. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Type, type Static } from "typebox";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker, parseJson } from "../../fixtures/schema.ts";
import { misfitOf } from "../engine/kv-cache-manager.ts";

const closed = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0 });
const Positive = Type.Integer({ minimum: 1 });

/** `["p",k,len]` shared pool k, `["u",k,len]` unique, `["r",i,g]` prompt of request i and its first g generated tokens. */
const Segment = Type.Tuple([Type.Enum(["p", "u", "r"]), Count, Count], { minItems: 3, maxItems: 3 });

const Config = Type.Object(
  {
    blockSize: Positive,
    numGpuBlocks: Type.Integer({ minimum: 2, maximum: 2 ** 24 }),
    maxModelLen: Type.Integer({ minimum: 2 }),
    maxNumSeqs: Positive,
    maxNumBatchedTokens: Positive,
    prefixCaching: Type.Boolean(),
    policy: Type.Enum(["fcfs", "priority"]),
    watermark: Type.Number({ minimum: 0, maximum: 1 }),
    longPrefillTokenThreshold: Count,
    longPrefillTokenThresholdAdaptive: Type.Optional(Type.Boolean()),
    chunkedPrefill: Type.Optional(Type.Boolean()),
    reserveFullIsl: Type.Boolean(),
    maxNumActiveSeqs: Type.Optional(Positive),
    maxLoras: Type.Optional(Positive),
  },
  closed,
);

const Request = Type.Object(
  {
    /** Step of arrival. */
    a: Count,
    p: Type.Array(Segment, { minItems: 1 }),
    /** Prompt tokens. */
    n: Positive,
    /** Most tokens to generate. */
    m: Positive,
    salt: Type.Optional(Type.String()),
    pri: Type.Optional(Type.Integer()),
    /** Name of an adapter; adapters are numbered in the order of these requests. */
    lora: Type.Optional(Type.String({ minLength: 1 })),
    /** As with prompt logprobs: the cache is not asked. */
    noLookup: Type.Optional(Type.Boolean()),
    /** The token that ends it by itself, counted from 1. */
    stop: Type.Optional(Positive),
    /** First request of the call it belongs to, with whose arrival time it comes, and its request id there. */
    call: Type.Optional(Type.Tuple([Count, Type.String()], { minItems: 2, maxItems: 2 })),
  },
  closed,
);

const Abort = Type.Tuple([Count, Count], { minItems: 2, maxItems: 2 });
const Reset = Type.Tuple([Count, Type.Boolean()], { minItems: 2, maxItems: 2 });

/** Not closed: what else a line says is passed on. */
const Workload = Type.Object({
  seed: Type.Integer(),
  tags: Type.Array(Type.String()),
  config: Config,
  requests: Type.Array(Request),
  /** `[step, request]` */
  aborts: Type.Array(Abort),
  /** `[step, preempt running ones first]` */
  resets: Type.Array(Reset),
  events: Type.Optional(Type.Boolean()),
  /** Steps also tell why requests ended, who was passed over, and what was in each stored event. */
  details: Type.Optional(Type.Boolean()),
  produced: Type.Optional(Type.Array(Count)),
  steps: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()))),
});

export type Workload = Static<typeof Workload>;
export type WorkloadRequest = Static<typeof Request>;

const checkWorkload = checker(Workload);

/** Throws FILE_UNREADABLE or FILE_INVALID, naming file and line. */
export function readWorkloads(path: string): Workload[] {
  const workloads: Workload[] = [];
  for (const [index, line] of readText(path).split("\n").entries()) {
    if (line.trim() === "") continue;
    const source = `${path}:${index + 1}`;
    const value = parseJson(line, source);
    if (index === 0 && (value as { kind?: unknown } | null)?.kind === "header") continue;
    const workload = checkWorkload(value, source);
    checkSense(workload, source);
    workloads.push(workload);
  }
  if (workloads.length === 0) throw new OperationalError("FILE_INVALID", `${path}: no workloads in it`);
  return workloads;
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new OperationalError(
      "FILE_UNREADABLE",
      `cannot read ${path}: ${code === "ENOENT" ? "no such file" : message}`,
      {
        cause,
      },
    );
  }
}

/** What a schema cannot say. */
function checkSense({ config, requests, aborts }: Workload, source: string): void {
  const refuse = (what: string): never => {
    throw new OperationalError("FILE_INVALID", `${source}: ${what}`);
  };
  const misfit = misfitOf(config);
  if (misfit !== undefined) refuse(`/config: ${misfit}`);
  const { chunkedPrefill, maxNumBatchedTokens, maxModelLen } = config;
  if (chunkedPrefill === false && maxNumBatchedTokens < maxModelLen)
    refuse(`/config: without chunks, maxNumBatchedTokens ${maxNumBatchedTokens} is too few for ${maxModelLen} tokens`);
  for (const [index, { p, n }] of requests.entries()) {
    const forward = p.find(([kind, other]) => kind === "r" && other >= index);
    if (forward !== undefined)
      refuse(`/requests/${index}/p: refers to request ${forward[1]}, which is not an earlier one`);
    const tokens = p.reduce(
      (sum, [kind, other, count]) => sum + count + (kind === "r" ? (requests[other]?.n ?? 0) : 0),
      0,
    );
    if (tokens !== n) refuse(`/requests/${index}/n: ${n}, but its segments are ${tokens} tokens`);
    if (n >= config.maxModelLen)
      refuse(`/requests/${index}/n: ${n} tokens leave no room in maxModelLen ${config.maxModelLen}`);
  }
  const unknown = aborts.find(([, request]) => request >= requests.length);
  if (unknown !== undefined) refuse(`/aborts: there is no request ${unknown[1]}`);
}
