/** Conforming routers whose rules are drawn at random, for the combinations that nobody thought of. */
import { Random, type RandomStream } from "../../../fixtures/random.ts";
import type { RuleOptions } from "./rule.ts";
import { profileOf, type Variant } from "./variants.ts";

/** The first `count` of an endless list, the same on every machine. */
export function drawnVariants(count: number): readonly Variant[] {
  return Array.from({ length: count }, (_, index) => {
    const rule = drawRule(new Random(index + 1).stream("rule"));
    return { name: `drawn ${index + 1}`, rule, profile: profileOf(rule) };
  });
}

function drawRule(random: RandomStream): RuleOptions {
  const cold = random.pick(["least-load", "random", "round-robin"] as const);
  return {
    unitChars: random.pick([1, 5, 16, 40, 80, 320]),
    threshold: random.pick([0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 0.9]),
    comparison: random.pick([">", ">="]),
    load: random.pick(["in-flight", "window", "reported", ...(cold === "least-load" ? [] : (["none"] as const))]),
    windowMs: random.pick([5_000, 60_000, 180_000]),
    cold,
    gate: random.pick([
      null,
      null,
      { absolute: 2, relative: 1.1 },
      { absolute: 32, relative: 1.5 },
      { absolute: 8, relative: 3 },
    ]),
    ties: random.pick(["first", "random", "rotate"]),
    insertAt: random.pick(["dispatch", "response"]),
    insertWhen: random.pick(["always", "success"]),
    evict: random.pick([
      null,
      { ttlMs: 20_000, sliding: true },
      { ttlMs: 600_000, sliding: false },
      { capacityChars: 12_000, per: "pod" },
      { capacityChars: 80_000, per: "all" },
    ]),
    exploration: random.pick([0, 0, 0.01, 0.05]),
    owners: random.pick(["all", "all", 1, 2] as const),
    ratioOf: random.pick(["request", "request", "cached"]),
  };
}
