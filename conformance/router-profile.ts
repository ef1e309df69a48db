/** What a router claims to do, as conformance/README.md shows it: every field optional, because unknown is not false. */
import { Type, type Static } from "typebox";
import { checker } from "../fixtures/schema.ts";

const closed = { additionalProperties: false } as const;
// Type.Enum alone would infer `string`.
const literals = <const T extends readonly string[]>(...values: T) => Type.Unsafe<T[number]>(Type.Enum([...values]));

const Unit = Type.Union([
  literals("char", "byte", "none"),
  Type.Object({ token: Type.String() }, closed),
  Type.Object({ block: Type.Integer({ minimum: 1 }), of: literals("char", "byte", "token") }, closed),
]);

const ColdPolicy = literals("least-load", "cost-model", "random", "round-robin", "smallest-tree", "expected-wait");

export const RouterProfileSchema = Type.Object(
  {
    match: Type.Optional(
      Type.Object(
        {
          unit: Unit,
          input: Type.Optional(literals("prompt", "messages-joined", "template", "json")),
          separator: Type.Optional(Type.String()),
          partialBlock: Type.Optional(literals("dropped", "whole", "exact")),
          // Who counts the tokens: the router itself, or its pods by /tokenize.
          tokenizer: Type.Optional(literals("own", "pods")),
        },
        closed,
      ),
    ),
    threshold: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object(
          {
            value: Type.Number({ minimum: 0, maximum: 1 }),
            comparison: literals(">", ">="),
            ratioOf: Type.Optional(literals("request", "cached")),
            owners: Type.Optional(literals("live", "any")),
          },
          closed,
        ),
      ]),
    ),
    owners: Type.Optional(Type.Union([literals("all", "last"), Type.Integer({ minimum: 1 })])),
    insert: Type.Optional(
      Type.Object(
        {
          at: literals("dispatch", "response", "kv-event"),
          when: Type.Optional(literals("always", "success")),
          // How long after a pod's KV event it counts.
          eventMs: Type.Optional(Type.Number({ minimum: 0 })),
          // Pods that requests of one new prefix, all sent at once, may reach.
          fanOut: Type.Optional(Type.Integer({ minimum: 1 })),
        },
        closed,
      ),
    ),
    cold: Type.Optional(
      Type.Union([
        ColdPolicy,
        Type.Object({ policy: ColdPolicy, ties: Type.Optional(literals("any", "fixed", "rotate")) }, closed),
      ]),
    ),
    load: Type.Optional(
      Type.Object(
        {
          signal: literals("in-flight", "window", "metric", "cost-model", "none"),
          windowMs: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
          name: Type.Optional(Type.String()),
          refreshMs: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
        },
        closed,
      ),
    ),
    gate: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object(
          {
            over: literals("min", "mean"),
            absolute: Type.Number({ minimum: 0 }),
            relative: Type.Number({ minimum: 0 }),
            comparison: Type.Optional(literals(">", ">=")),
          },
          closed,
        ),
      ]),
    ),
    exploration: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    evict: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object(
          {
            kind: Type.Literal("ttl"),
            ttlMs: Type.Number({ exclusiveMinimum: 0 }),
            sweepMs: Type.Optional(Type.Number({ minimum: 0 })),
            sliding: Type.Optional(Type.Boolean()),
          },
          closed,
        ),
        Type.Object(
          {
            kind: Type.Literal("capacity"),
            units: Type.Integer({ minimum: 1 }),
            per: literals("pod", "all"),
            order: literals("lru"),
          },
          closed,
        ),
        Type.Object({ kind: Type.Literal("kv-events") }, closed),
      ]),
    ),
    isolation: Type.Optional(
      Type.Object(
        {
          model: Type.Optional(Type.Boolean()),
          cacheSalt: Type.Optional(Type.Boolean()),
          lora: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
    discovery: Type.Optional(
      Type.Object(
        {
          convergenceMs: Type.Optional(Type.Number({ minimum: 0 })),
          returningPodIsCold: Type.Optional(Type.Boolean()),
          models: Type.Optional(Type.Boolean()),
          // Within this time a pod that calls itself unhealthy is left out, and one that is well again is used.
          healthMs: Type.Optional(Type.Number({ minimum: 0 })),
        },
        closed,
      ),
    ),
    placement: Type.Optional(Type.Array(literals("observe", "isolate", "load", "subset", "kv-events"))),
    retry: Type.Optional(
      Type.Object(
        {
          on: Type.Array(Type.Union([Type.Literal("connect"), Type.Integer({ minimum: 400, maximum: 599 })])),
          max: Type.Integer({ minimum: 0 }),
        },
        closed,
      ),
    ),
    timeouts: Type.Optional(Type.Object({ firstByteMs: Type.Optional(Type.Number({ exclusiveMinimum: 0 })) }, closed)),
    recoveryMs: Type.Optional(Type.Number({ minimum: 0 })),
    forwards: Type.Optional(
      Type.Object({ authorization: Type.Optional(Type.Boolean()), cookie: Type.Optional(Type.Boolean()) }, closed),
    ),
    admin: Type.Optional(literals("closed", "trusted-network")),
    stream: Type.Optional(Type.Object({ passThrough: Type.Boolean() }, closed)),
    exact: Type.Optional(Type.Boolean()),
  },
  closed,
);

export type RouterProfile = Static<typeof RouterProfileSchema>;

/** Where prompts without a match go; undefined when the router does not say. */
export const coldPolicy = ({ cold }: RouterProfile) => (typeof cold === "object" ? cold.policy : cold);

/** Cold requests go anywhere by chance: what follows an owner is told from what does not by counting. */
export function byChance(profile: RouterProfile): boolean {
  const policy = coldPolicy(profile);
  return policy === "random" || policy === "round-robin";
}

/** The share of requests that may be sent anywhere, as claimed; some routers send one in a hundred anywhere and do not say so. */
export const mostExploration = ({ exploration = 0.01 }: RouterProfile): number => exploration;

/** How long a change of pods may take until it holds. */
export const convergenceMsOf = ({ discovery }: RouterProfile): number => discovery?.convergenceMs ?? 1_000;

/** Checks a profile read from `source`. @throws {OperationalError} FILE_INVALID with pointer, value and what is allowed */
export const checkRouterProfile: (value: unknown, source: string) => RouterProfile = checker(RouterProfileSchema);
