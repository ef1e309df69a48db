import { describe, expect, it } from "vitest";
import { FunctionSession } from "../function-lab/function-session.ts";
import { RuleRouter } from "../mutants/pure/rule-router.ts";
import { PLAIN_RULE, type RuleOptions } from "../mutants/pure/rule.ts";
import type { RouterProfile } from "../router-profile.ts";
import { measure } from "./probe-router.ts";

type Measured = Awaited<ReturnType<typeof measure>>;

function probe(changes: Partial<RuleOptions>, declared: RouterProfile = {}, slow = false): Promise<Measured> {
  const session = new FunctionSession(new RuleRouter({ ...PLAIN_RULE, ...changes }, 3), {});
  return measure(session.lab({ id: "PROBE", needs: { transport: "any", pods: 4 } }, 1), declared, { slow });
}

describe("a probe of a router whose rule is known", () => {
  it.each([0.2, 0.3, 0.5, 0.75])("measures the threshold %d", async (threshold) => {
    const { profile } = await probe({ threshold });
    expect(profile.threshold).toEqual({ value: threshold, comparison: ">", ratioOf: "request" });
  });

  it.each([1, 5, 16, 64, 80, 128])(
    "measures a unit of %d characters, and that ties are not strict",
    async (unitChars) => {
      const { profile } = await probe({ unitChars, comparison: ">=" });
      // The rule router's tokens are five characters each, wherever they stand.
      expect(profile.match).toEqual({ unit: unitChars === 1 ? "char" : { block: unitChars, of: "char" } });
      expect(profile.threshold).toMatchObject({ value: 0.5, comparison: ">=" });
    },
  );

  it("measures a router that follows any whole block", async () => {
    const { profile } = await probe({ threshold: 0, unitChars: 80, ties: "first" });
    expect(profile.match).toEqual({ unit: { block: 80, of: "char" } });
    expect(profile.threshold).toEqual({ value: 0, comparison: ">" });
  });

  it.each([
    { gate: null },
    { gate: { absolute: 8, relative: 1 } },
    { gate: { absolute: 8, relative: 1.5 } },
    { gate: { absolute: 4, relative: 2 } },
  ])("measures $gate", async ({ gate }) => {
    const { profile } = await probe({ gate, unitChars: 1 });
    expect(profile.gate).toEqual(gate === null ? null : { over: "min", ...gate, comparison: ">" });
  });

  it("leaves out what it cannot tell: the factor of a gate too wide to drive", async () => {
    const { profile, notes } = await probe({ gate: { absolute: 64, relative: 1.5 } });
    expect(profile).not.toHaveProperty("gate");
    expect(notes.find(({ field }) => field === "gate")?.text).toMatch(/leaves its owner at 65 with 0 elsewhere/);
  });

  it.each([
    [{ ties: "first" }, { policy: "least-load", ties: "fixed" }, "in-flight"],
    [{ ties: "random" }, { policy: "least-load", ties: "any" }, "in-flight"],
    [{ ties: "rotate" }, { policy: "least-load", ties: "rotate" }, "in-flight"],
    [{ load: "window" }, "least-load", "window"],
    [{ load: "none" }, "random", undefined],
  ] as const)("measures cold prompts and load of %o", async (changes, cold, signal) => {
    const { profile } = await probe(changes);
    expect(profile.cold).toEqual(cold);
    expect(profile.load?.signal).toBe(signal);
    expect(profile.threshold).toMatchObject({ value: 0.5, comparison: ">" });
  });

  it.each(["dispatch", "response"] as const)("measures that prompts are learnt at the %s", async (insertAt) => {
    expect((await probe({ insertAt })).profile.insert).toEqual({ at: insertAt });
  });

  it.each([
    ["all", "all"],
    [2, 2],
    [1, "last"],
  ] as const)("measures that a prefix is owned by %s", async (owners, seen) => {
    expect((await probe({ owners, unitChars: 1 })).profile.owners).toBe(seen);
    const { contradictions } = await probe({ owners }, { owners: owners === 2 ? "all" : 2 });
    expect(contradictions).toEqual([{ field: "owners", declared: owners === 2 ? "all" : 2, measured: seen }]);
  });

  it.each([
    [0, 0, 0],
    [0.05, 0.01, 0.09],
  ])("measures the exploration %d", async (exploration, low, high) => {
    const { profile } = await probe({ exploration });
    expect(profile.exploration).toBeGreaterThanOrEqual(low);
    expect(profile.exploration).toBeLessThanOrEqual(high);
  });

  it("measures how long a prompt is remembered, when asked to", async () => {
    const evict = { ttlMs: 300_000, sliding: true };
    expect((await probe({ evict })).profile).not.toHaveProperty("evict");
    expect((await probe({ evict }, {}, true)).profile.evict).toEqual({ kind: "ttl", ttlMs: 300_000 });
    const { profile, notes } = await probe({ evict: null }, {}, true);
    expect(profile).not.toHaveProperty("evict");
    expect(notes.find(({ field }) => field === "evict")?.text).toMatch(/known after 9\d\d.* s, the longest tried/);
    const short: RouterProfile = { evict: { kind: "ttl", ttlMs: 60_000 }, exploration: 0, insert: { at: "response" } };
    const { contradictions } = await probe({ evict }, short, true);
    expect(contradictions.map(({ field }) => field)).toEqual(["insert.at", "evict.ttlMs"]);
  });

  it("says where a declared profile is wrong, and nothing where it is right or silent", async () => {
    const right: RouterProfile = {
      match: { unit: { block: 5, of: "char" } },
      threshold: { value: 0.5, comparison: ">" },
      gate: null,
      load: { signal: "in-flight" },
    };
    expect((await probe({}, right)).contradictions).toEqual([]);
    const wrong: RouterProfile = {
      ...right,
      threshold: { value: 0.3, comparison: ">=" },
      match: { unit: "byte" },
      gate: { over: "min", absolute: 8, relative: 1 },
    };
    const { contradictions } = await probe({}, wrong);
    expect(contradictions.map(({ field }) => field)).toEqual([
      "match.unit",
      "threshold.value",
      "threshold.comparison",
      "gate",
    ]);
  });
});
