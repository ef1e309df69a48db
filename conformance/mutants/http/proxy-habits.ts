/** What a proxy may do besides passing on, and says so in its profile; nothing of it by default. */
import type { RouterProfile } from "../../router-profile.ts";
import type { RuleOptions } from "../pure/rule.ts";
import { REPORTED_LOAD } from "../pure/variants.ts";

export interface ProxyHabits {
  /** A pod that has not begun to answer by then costs its client a 504. */
  readonly firstByteMs?: number;
  /** Who is answered with 503 is tried at another pod. */
  readonly retries503?: boolean;
  /** A pod that fails several times is left out for so long. */
  readonly recoveryMs?: number;
  /** It goes by the queues that pods report, and reads them so often. */
  readonly scrapeMs?: number;
  /** It asks pods how they are, and leaves out who says nothing good within so long. */
  readonly healthMs?: number;
  /** Pods that come or go are taken note of within so long. */
  readonly convergenceMs?: number;
  /** Within so long after a start, and after a pod came, its rule may not hold. */
  readonly settleMs?: number;
  /** Its metrics page says how many requests are under way at each pod. */
  readonly gauge?: boolean;
  /** It goes by what pods report of their caches. */
  readonly kvEvents?: boolean;
  /** The page of a pod that it has count the tokens of every prompt. */
  readonly podTokenizer?: "/tokenize" | "/v1/completions/render";
}

const KV_EVENT_CLAIMS = {
  match: { unit: { block: 16, of: "token" }, input: "prompt", partialBlock: "dropped", tokenizer: "pods" },
  insert: { at: "kv-event", eventMs: 300 },
  evict: { kind: "kv-events" },
} as const;

/** The profile of a proxy that says all it does. */
export function withHabits(profile: RouterProfile, habits: ProxyHabits): RouterProfile {
  const { firstByteMs, recoveryMs, scrapeMs, healthMs, podTokenizer, kvEvents, convergenceMs = 0 } = habits;
  return {
    ...profile,
    forwards: { authorization: true, cookie: true },
    ...(habits.retries503 === true ? { retry: { on: ["connect", 503], max: 2 } } : {}),
    ...(firstByteMs === undefined ? {} : { timeouts: { firstByteMs } }),
    ...(recoveryMs === undefined ? {} : { recoveryMs }),
    ...(scrapeMs === undefined ? {} : { load: { signal: "metric", name: REPORTED_LOAD, refreshMs: scrapeMs } }),
    discovery: {
      convergenceMs,
      returningPodIsCold: true,
      models: true,
      ...(healthMs === undefined ? {} : { healthMs }),
    },
    ...(kvEvents === true ? KV_EVENT_CLAIMS : {}),
    ...(podTokenizer !== undefined && profile.match !== undefined
      ? { match: { ...profile.match, tokenizer: "pods" as const } }
      : {}),
  };
}

export const ruleWith = (rule: RuleOptions, { scrapeMs }: ProxyHabits): RuleOptions =>
  scrapeMs === undefined ? rule : { ...rule, load: "reported" };
