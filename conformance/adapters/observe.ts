/** What a router shows of itself besides its answers, and under which names: no two routers use the same ones. */
import { Type, type Static } from "typebox";

const closed = { additionalProperties: false } as const;
const Pointer = Type.String({ pattern: "^(/.*)?$" });
const PodName = Type.Unsafe<"url" | "hostport" | "name">(Type.Enum(["url", "hostport", "name"]));

/** A series per pod, per status, or neither; a label left out is summed over. */
const Series = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    pod: Type.Optional(Type.String()),
    status: Type.Optional(Type.String()),
  },
  closed,
);

const Metrics = Type.Object(
  {
    /** A Prometheus text page; `{{url}}` and `{{port.NAME}}` as everywhere. */
    url: Type.String(),
    /** How pod labels name a pod. */
    podIs: Type.Optional(PodName),
    /** Counts answers. */
    requests: Type.Optional(Series),
    /** Requests under way: the very number by which the router compares pods. */
    inFlight: Type.Optional(Series),
  },
  closed,
);

/** The decision record that a router gives when asked, as JSON in a response header; by JSON pointer what stands where. */
const Explain = Type.Object(
  {
    /** Headers that ask for it. */
    ask: Type.Optional(Type.Record(Type.String(), Type.String())),
    header: Type.String({ minLength: 1 }),
    podIs: Type.Optional(PodName),
    pod: Pointer,
    matched: Type.Optional(Pointer),
    total: Type.Optional(Pointer),
    ratio: Type.Optional(Pointer),
    threshold: Type.Optional(Pointer),
    reason: Type.Optional(Pointer),
    /** Words of `reason` that mean: an owner of the match was followed. */
    followed: Type.Optional(Type.Array(Type.String())),
  },
  closed,
);

export const ObserveSchema = Type.Object(
  {
    metrics: Type.Optional(Metrics),
    /** Says by its status whether requests can be served: 2xx or not. */
    readiness: Type.Optional(Type.Object({ url: Type.String() }, closed)),
    explain: Type.Optional(Explain),
  },
  closed,
);

export type Observe = Static<typeof ObserveSchema>;
export type Series = Static<typeof Series>;
export type Explain = Static<typeof Explain>;
/** How a router names a pod. */
export type PodIs = Static<typeof PodName>;
