/** A conformance case: traffic that makes an observation, and a pure judgement of it. */
import type { Judgement } from "./judgement.ts";
import type { Lab } from "./lab.ts";
import type { Happening, Observation, PodsStep } from "./observation.ts";
import type { RouterProfile } from "./router-profile.ts";

/** The gravest first. */
export const LEVELS = ["MUST", "declared-MUST", "SHOULD", "INFO"] as const;
export type Level = (typeof LEVELS)[number];

/** Pods in front of which a case runs unless it asks for another number. */
export const DEFAULT_PODS = 3;

/** What a pod serves, where pods differ. */
export interface PodKind {
  /** Places in the lab's list of models. */
  readonly models: readonly number[];
  /** It has the lab's LoRA adapter loaded. */
  readonly adapter?: boolean;
}

/** As the adapter file calls it. */
export type Shown =
  | "podSeenBy"
  | "observe.metrics"
  | "observe.metrics.requests"
  | "observe.metrics.inFlight"
  | "observe.readiness"
  | "observe.explain";

/** What a case needs from the way the router is attached. */
export interface Needs {
  /** `http`: real requests and streams; `any`: a function router will do. */
  readonly transport: "any" | "http";
  /** It changes the set of pods while running, in these ways at least. */
  readonly podChanges?: readonly PodsStep["change"][];
  /** What was learnt, or is being answered, must outlive a change of pods: not so where the router is restarted for one. */
  readonly outlivesChanges?: boolean;
  /** Which pod serves is nothing to it: what the router declares as its settling time need not have passed. */
  readonly anyPod?: boolean;
  /** It moves time by so much: runs where that is short, where the clock can be advanced, or with --slow. */
  readonly clockMs?: (profile: RouterProfile) => number;
  /** It waits for so much real time, whatever the clock says: runs where that is short, or with --slow. */
  readonly waitMs?: (profile: RouterProfile) => number;
  /** It moves time by an hour: runs only where the clock can be advanced. */
  readonly movableClock?: boolean;
  /** It goes by how loaded pods are: what was sent before it must be known, or gone. */
  readonly load?: boolean;
  /** What it sent itself must leave the load window: runs only where that is short, the clock can be advanced, or with --slow. */
  readonly drains?: boolean;
  /** It takes many seconds: runs only with --slow. */
  readonly slow?: boolean;
  /** What the adapter must declare that the router shows. */
  readonly shows?: readonly Shown[];
  /** It may leave the router spoiled: runs only where the kit can start it anew. */
  readonly freshRouter?: boolean;
  /** It reads how much memory the router holds: runs only where the kit starts it as a process. */
  readonly memory?: boolean;
  /** The router is told where its pods publish KV events. */
  readonly kvEvents?: boolean;
  /** It rests on these: without them it shows nothing. */
  readonly happenings?: readonly Happening[];
  /** Clients leave while their requests are under way. */
  readonly clientsLeave?: boolean;
  /** It needs scripted replies and faults of the pods. */
  readonly scriptedPods?: boolean;
  /** It needs pods that serve this many models; default 1. */
  readonly models?: number;
  /** Pods present when it starts; default {@link DEFAULT_PODS}. */
  readonly pods?: number;
  /** Pods of these kinds, in this order, instead of ordinary ones. */
  readonly fleet?: readonly PodKind[];
  /** Prompts given as token ids: the adapter must say that the router takes them. */
  readonly idPrompts?: boolean;
  /** Chats: the router must take /v1/chat/completions. */
  readonly chats?: boolean;
  /** A router of its own, started with {@link withOtherThreshold}; the lab's profile says so. */
  readonly otherThreshold?: boolean;
}

/** The profile of a router started with a threshold that is far from the declared one and from both ends. */
export function withOtherThreshold(profile: RouterProfile): RouterProfile {
  const { threshold } = profile;
  if (threshold === null || threshold === undefined) return profile;
  return { ...profile, threshold: { ...threshold, value: threshold.value < 0.5 ? 0.7 : 0.3 } };
}

/** Why a case cannot be run with a profile. */
export interface Unsupported {
  /** The claim that is left out, as a path into the profile and, where it matters, the value: `gate`, `evict.kind ttl`. */
  readonly claim?: string;
  readonly why: string;
}

export interface Case {
  /** `GRP-nn`; never reused. */
  readonly id: string;
  readonly level: Level;
  /** Requirement in SPEC.md, e.g. `R-THR-1`. */
  readonly requirement: string;
  /** One sentence in RFC 2119 words. */
  readonly title: string;
  readonly needs: Needs;
  /** Why the profile does not support this case; undefined when it does. */
  readonly unsupported: (profile: RouterProfile) => Unsupported | undefined;
  /** Drives the router; records through the lab. */
  readonly traffic: (lab: Lab) => Promise<void>;
  /** Pure: the same observation always gives the same judgement. */
  readonly judge: (observation: Observation, profile: RouterProfile) => Judgement;
}
