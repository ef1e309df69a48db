/** Conforming proxies that route by other rules: real time passes for them, and ends are noticed late. */
import { PLAIN_RULE, type RuleOptions } from "../pure/rule.ts";

export interface HttpVariant {
  readonly name: string;
  readonly rule: RuleOptions;
}

const variant = (name: string, changes: Partial<RuleOptions>): HttpVariant => ({
  name,
  rule: { ...PLAIN_RULE, ...changes },
});

const GATE = { absolute: 8, relative: 1.5 };

export const HTTP_VARIANTS: readonly HttpVariant[] = [
  variant("window of 14 s", { load: "window", windowMs: 14_000 }),
  variant("window of a minute's characters", { load: "window-chars", windowMs: 60_000, unitChars: 80 }),
  variant("window and gate", { load: "window", windowMs: 14_000, gate: GATE, ties: "first" }),
  variant("gate", { unitChars: 1, gate: GATE, ties: "rotate" }),
  // Two requests whose ends were missed would open it.
  variant("tight gate", { unitChars: 1, gate: { absolute: 3, relative: 1.2 }, ties: "rotate" }),
  variant("learns at response", { insertAt: "response", gate: GATE }),
  variant("random, no load signal", { load: "none", cold: "random" }),
  variant("in turn, no load signal", { load: "none", cold: "round-robin" }),
];
