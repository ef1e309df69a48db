/** The rule that the routers here follow, with everything that a profile lets them differ in. */
export interface RuleOptions {
  /** Characters per unit of matching: 1 for characters, 5 for the corpus's tokens, more for blocks. */
  readonly unitChars: number;
  readonly threshold: number;
  readonly comparison: ">" | ">=";
  /** What the match is divided by: the request's length, or that of the learnt prompt that it matches. */
  readonly ratioOf: "request" | "cached";
  /** `window` counts requests, `window-chars` their prompts' characters; `reported`: what pods say of themselves on their metrics pages. */
  readonly load: "in-flight" | "window" | "window-chars" | "reported" | "none";
  readonly windowMs: number;
  /** Where a prompt without a match goes. */
  readonly cold: "least-load" | "random" | "round-robin";
  readonly gate: { readonly absolute: number; readonly relative: number } | null;
  readonly ties: "first" | "random" | "rotate";
  readonly insertAt: "dispatch" | "response";
  readonly insertWhen: "always" | "success";
  readonly evict:
    | null
    | { readonly ttlMs: number; readonly sliding: boolean }
    | { readonly capacityChars: number; readonly per: "pod" | "all" };
  readonly exploration: number;
  /** How many pods own a prefix: those that were sent it last. */
  readonly owners: "all" | number;
}

export const PLAIN_RULE: RuleOptions = {
  unitChars: 5,
  threshold: 0.5,
  comparison: ">",
  ratioOf: "request",
  load: "in-flight",
  windowMs: 180_000,
  cold: "least-load",
  gate: null,
  ties: "random",
  insertAt: "dispatch",
  insertWhen: "success",
  evict: null,
  exploration: 0,
  owners: "all",
};
