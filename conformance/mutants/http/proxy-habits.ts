/** What a proxy may do besides passing on; nothing of it by default. */
import type { RouterProfile } from "../../router-profile.ts";
import type { RuleOptions } from "../pure/rule.ts";
import { REPORTED_LOAD } from "../pure/variants.ts";

export interface ProxyHabits {
  /** A pod that has not begun to answer by then costs its client a 504. */
  readonly firstByteMs?: number;
  /** A pod that fails several times is left out for so long. */
  readonly recoveryMs?: number;
  /** It goes by the queues that pods report, and reads them so often. */
  readonly scrapeMs?: number;
  /** It asks pods how they are, and leaves out who says nothing good within so long. */
  readonly healthMs?: number;
  /** Pods that come or go are taken note of within so long. */
  readonly convergenceMs?: number;
  /** Within so long after a start, and after a pod came, it herds on the pods that it had before. */
  readonly settleMs?: number;
  /** It has a pod count the tokens of every prompt. */
  readonly podTokenizer?: boolean;
  /** It goes by what pods report of their caches, and has a pod count the tokens. */
  readonly kvEvents?: boolean;
  /** It asks every pod for the prompt's tokens, with all headers of the client, its request id among them. */
  readonly asksEveryPod?: boolean;
  /** Each piece of an answer is passed on so much later, and after the one before. */
  readonly pieceMs?: number;
  /** A stream that its pod broke off ends with an error event before its [DONE]. */
  readonly tellsBrokenStreams?: boolean;
}

const KV_EVENT_CLAIMS = {
  match: { unit: { block: 16, of: "token" }, input: "prompt", partialBlock: "dropped", tokenizer: "pods" },
  insert: { at: "kv-event", eventMs: 100 },
  evict: { kind: "kv-events" },
} as const;

/** The profile of a proxy that says all it does. */
export function withHabits(profile: RouterProfile, habits: ProxyHabits): RouterProfile {
  const { firstByteMs, recoveryMs, scrapeMs, healthMs, podTokenizer, kvEvents, convergenceMs = 0 } = habits;
  return {
    ...profile,
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
    ...(podTokenizer === true && profile.match !== undefined
      ? { match: { ...profile.match, tokenizer: "pods" as const } }
      : {}),
  };
}

export const ruleWith = (rule: RuleOptions, { scrapeMs }: ProxyHabits): RuleOptions =>
  scrapeMs === undefined ? rule : { ...rule, load: "reported" };
