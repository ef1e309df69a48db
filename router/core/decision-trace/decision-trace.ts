/** A decision trace: requests, the pods ready for each, and the pods that were picked. Its format and its checks. */
import { Type, type Static } from "typebox";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import { loadProfile } from "../../../fixtures/profiles/latency-profile.ts";
import { checker } from "../../../fixtures/schema.ts";
import { MODES } from "../options.ts";

const closed = { additionalProperties: false } as const;
const Token = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 });
const PerPod = Type.Record(Type.String(), Type.Number());

const StepSchema = Type.Object(
  {
    model: Type.String(),
    /** Ranges of token ids, both ends included. */
    tokens: Type.Optional(Type.Array(Type.Tuple([Token, Token], { minItems: 2, maxItems: 2 }))),
    /** Instead of tokens: encoded as cl100k_base. */
    text: Type.Optional(Type.String()),
    /** Names of the pods that are ready for this model now. */
    ready: Type.Array(Type.String(), { uniqueItems: true }),
    /** Never falls; the step before's where absent, and 0 at first. */
    atMs: Type.Optional(Type.Number({ minimum: 0 })),
    /** The pod that the state follows, allowed or not; where absent, the allowed one whose name is first. */
    picked: Type.Optional(Type.String()),
    // What a recorded trace says came out. Kept so that such a file can be read; nobody looks.
    branch: Type.Optional(Type.String()),
    matchedTokens: Type.Optional(Type.Number()),
    totalTokens: Type.Optional(Type.Number()),
    allowed: Type.Optional(Type.Array(Type.String())),
    loads: Type.Optional(PerPod),
    costsBeforeSeconds: Type.Optional(PerPod),
    costsAfterSeconds: Type.Optional(PerPod),
  },
  closed,
);

const TraceSchema = Type.Object(
  {
    id: Type.String(),
    title: Type.Optional(Type.String()),
    /** These two win over the command line. */
    mode: Type.Optional(Type.Enum([...MODES])),
    gpu: Type.Optional(Type.String()),
    steps: Type.Array(StepSchema),
  },
  closed,
);

export type DecisionTrace = Static<typeof TraceSchema>;
export type DecisionStep = Static<typeof StepSchema>;

const checkShape = checker(Type.Array(TraceSchema));

/** Far above any context length, far below what would fill the memory. */
const MAX_PROMPT_TOKENS = 1_048_576;

/** @throws {OperationalError} FILE_INVALID with `source`, JSON pointer, trace, step and what is allowed there */
export function checkDecisionTraces(value: unknown, source: string): DecisionTrace[] {
  try {
    const traces = checkShape(value, source);
    for (const complaint of complaintsAbout(traces))
      throw new OperationalError("FILE_INVALID", `${source}: ${complaint}`);
    return traces;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw new OperationalError("FILE_INVALID", `${error.message}${placeOf(error.message, value)}`, { cause: error });
  }
}

/** The first is what an author must see. */
function* complaintsAbout(traces: readonly DecisionTrace[]): Generator<string> {
  if (traces.length === 0) yield "/: [] holds no trace; allowed: at least one";
  for (const [traceIndex, { id, gpu, steps }] of traces.entries()) {
    const first = traces.findIndex((trace) => trace.id === id);
    if (first < traceIndex) yield `/${traceIndex}/id: ${JSON.stringify(id)} is the id of /${first} as well`;
    if (gpu !== undefined) {
      try {
        loadProfile(gpu);
      } catch (error) {
        yield `/${traceIndex}/gpu: ${(error as Error).message}`;
      }
    }
    let atMs = 0;
    for (const [stepIndex, step] of steps.entries()) {
      const complaint = complaintAbout(step, atMs);
      if (complaint !== undefined) yield `/${traceIndex}/steps/${stepIndex}${complaint}`;
      atMs = step.atMs ?? atMs;
    }
  }
}

/** ` (trace "id", step n)` of the pointer in a message: steps count from 1 in what is printed, pointers from 0. */
function placeOf(message: string, value: unknown): string {
  const [, traceIndex, stepIndex] = /: \/(\d+)(?:\/steps\/(\d+))?/.exec(message) ?? [];
  const id: unknown = (value as { id?: unknown }[])[Number(traceIndex)]?.id;
  if (typeof id !== "string") return "";
  return ` (trace ${JSON.stringify(id)}${stepIndex === undefined ? "" : `, step ${Number(stepIndex) + 1}`})`;
}

/** The step's prompt as one list. */
export function promptTokens(ranges: NonNullable<DecisionStep["tokens"]>): Int32Array {
  const tokens = new Int32Array(ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0));
  let at = 0;
  for (const [from, to] of ranges) for (let token = from; token <= to; token++) tokens[at++] = token;
  return tokens;
}

function complaintAbout(step: DecisionStep, atMs: number): string | undefined {
  const { tokens, text, ready, picked } = step;
  if ((tokens === undefined) === (text === undefined)) return `: needs either "tokens" or "text"`;
  if (picked !== undefined && !ready.includes(picked)) {
    return `/picked: ${JSON.stringify(picked)} is not ready; allowed: ${ready.join(", ") || "nothing, as no pod is ready"}`;
  }
  if (step.atMs !== undefined && step.atMs < atMs) return `/atMs: ${step.atMs} is before ${atMs} of the step before`;
  const backward = tokens?.findIndex(([from, to]) => from > to) ?? -1;
  if (backward >= 0) return `/tokens/${backward}: [${tokens?.[backward]?.join(", ")}] goes down; allowed: [from, to]`;
  const length = tokens?.reduce((sum, [from, to]) => sum + to - from + 1, 0) ?? 0;
  if (length > MAX_PROMPT_TOKENS) return `/tokens: ${length} tokens; allowed: at most ${MAX_PROMPT_TOKENS}`;
  return undefined;
}
