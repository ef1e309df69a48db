/** What can go wrong with a pod, as data: from code, from a file, or posted to `/__pod/faults`. */
import { Type, type Static, type TProperties } from "typebox";
import { checker } from "../../fixtures/schema.ts";

const Milliseconds = Type.Number({ minimum: 0 });

/** When and how often. Times are simulated milliseconds after the fault was injected. */
const when = {
  fromMs: Type.Optional(Milliseconds),
  untilMs: Type.Optional(Milliseconds),
};

/** Which requests: those for generation, unless a path is named; `share` of them, drawn by seed; `times` at most. */
const which = {
  ...when,
  path: Type.Optional(Type.String({ pattern: "^/" })),
  share: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  times: Type.Optional(Type.Integer({ minimum: 1 })),
};

const AfterChunks = Type.Optional(Type.Integer({ minimum: 0 }));

const Fault = Type.Union([
  /** Answers with this status and vLLM's error body instead. */
  kind("error", {
    ...which,
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    message: Type.Optional(Type.String()),
  }),
  /** Never answers; the connection stays open. */
  kind("hang", which),
  /** Falls silent after so many chunks of a stream (default 1), connection open, engine busy. */
  kind("stall", { ...which, afterChunks: AfterChunks }),
  /** Resets the connection after so many chunks (default 0, before the status line). */
  kind("reset", { ...which, afterChunks: AfterChunks }),
  /** Ends a stream in good order after so many chunks (default 1), without `[DONE]`. */
  kind("truncate", { ...which, afterChunks: AfterChunks }),
  /** Every chunk of a stream, or a whole answer, leaves this much after the one before. */
  kind("drip", { ...which, everyMs: Milliseconds }),
  /** Cuts the bytes of a stream into pieces of this size, through events and UTF-8 alike. */
  kind("split", { ...which, bytes: Type.Integer({ minimum: 1 }) }),
  /** Cuts the JSON of one chunk (default 0, the first), or of a whole answer, in half. */
  kind("malformed-json", { ...which, chunk: Type.Optional(Type.Integer({ minimum: 0 })) }),
  /** The port is closed: connections are refused, open ones live on. */
  kind("refuse", when),
  /** The port is closed and open streams fall silent, as a real pod was seen to end. */
  kind("silent-shutdown", when),
  /** What `/metrics` shows. `families` are names or beginnings of names; default: all of vLLM's. */
  kind("metrics", {
    ...when,
    how: Type.Enum(["stale", "blank", "slow", "nan", "missing", "error"]),
    delayMs: Type.Optional(Milliseconds),
    families: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  }),
  /** What becomes of batches of KV events. */
  kind("kv-events", {
    ...when,
    how: Type.Enum(["lost", "duplicated", "reordered"]),
    share: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  }),
  /** Steps take this many times as long. */
  kind("slow-engine", { ...when, factor: Type.Number({ exclusiveMinimum: 0 }) }),
  /** This many KV blocks are out of use. */
  kind("less-cache", { ...when, blocks: Type.Integer({ minimum: 1 }) }),
]);

export type Fault = Static<typeof Fault>;
export type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;

const Plan = Type.Object(
  {
    faults: Type.Array(Type.Object({ pod: Type.String(), fault: Fault }, { additionalProperties: false })),
  },
  { additionalProperties: false },
);

/** A file of faults: each names its pod, by name or `*` for all. */
export type FaultPlan = Static<typeof Plan>;

/** @throws OperationalError FILE_INVALID naming `source` and what is wrong */
export const checkFault = checker(Fault);
export const checkFaultPlan = checker(Plan);

function kind<Kind extends string, Properties extends TProperties>(name: Kind, properties: Properties) {
  return Type.Object({ kind: Type.Literal(name), ...properties }, { additionalProperties: false });
}
