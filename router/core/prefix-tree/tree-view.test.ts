import { expect, it } from "vitest";
import { createFunctionRouter, type FunctionRouterOptions, type ReferenceRouter } from "../function-router.ts";
import { MODES } from "../options.ts";
import type { TreeView } from "./tree-view.ts";

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Pod a is given 1-100 and 1-60 with 40 others, b the first of them, and the salted model n something of its own. */
function taught(options: Partial<FunctionRouterOptions>): ReferenceRouter {
  const router = createFunctionRouter({ seed: 1, tokenizer: { encode: () => [] }, ...options });
  router.setPods([{ name: "a" }, { name: "b" }, { name: "c" }], 0);
  const give = (pod: string, prompt: number[], more = {}): void => {
    const others = new Set(["a", "b", "c"].filter((name) => name !== pod));
    router.decide(
      { requestId: "r", model: "m", prompt, ...more },
      0,
      options.mode === "aibrix-719" ? undefined : others,
    );
    router.finished("r", "ok", 0);
  };
  give("a", range(1, 100));
  give("a", [...range(1, 60), ...range(201, 240)]);
  give("b", range(1, 100));
  give("b", range(1, 10), { model: "n", cacheSalt: "secret" });
  return router;
}

const view = (options: Partial<FunctionRouterOptions>, limit = 10): TreeView | undefined =>
  taught(options).strategy.view?.(limit, 5000);

it.each([{}, { mode: "preble" }, { strategy: "cache-aware" }] as const)(
  "shows every tree of prefixes alike, and no salt: %j",
  (options) => {
    const shown = view(options);
    const [a, b] = ["a", "b"].map((name) => ({ name, idleMs: 5000 }));
    expect(shown).toEqual({
      nodes: 4,
      storedTokens: 150,
      more: false,
      namespaces: [
        {
          model: "m",
          lora: null,
          salted: false,
          more: false,
          prefixes: [
            { contextTokens: 60, edgeTokens: 60, pods: [a, b], parent: null, children: 2 },
            { contextTokens: 100, edgeTokens: 40, pods: [a, b], parent: 0, children: 0 },
            { contextTokens: 100, edgeTokens: 40, pods: [a], parent: 0, children: 0 },
          ],
        },
        {
          model: "n",
          lora: null,
          salted: true,
          more: false,
          prefixes: [{ contextTokens: 10, edgeTokens: 10, pods: [b], parent: null, children: 0 }],
        },
      ],
    });
    expect(JSON.stringify(shown)).not.toContain("secret");
  },
);

it("shows no more nodes, nor namespaces, than asked for, and says that there are more", () => {
  const two = view({}, 2);
  expect(two?.namespaces.map(({ prefixes, more }) => [prefixes.length, more])).toEqual([
    [2, true],
    [1, false],
  ]);
  expect(two?.more).toBe(false);
  expect(view({}, 1)).toMatchObject({ namespaces: [{ model: "m", more: true }], more: true });
  expect(view({}, 3)?.namespaces[0]?.more).toBe(false);
  expect(view({}, 0)).toEqual({ nodes: 4, storedTokens: 150, namespaces: [], more: true });
});

it("shows the merged code's one tree as each model's pods stand in it", () => {
  const shown = view({ mode: "aibrix-719" });
  expect(shown).toMatchObject({ nodes: 4, storedTokens: 140, more: false });
  expect(shown?.namespaces.map(({ model }) => model)).toEqual(["m", "n"]);
  for (const { prefixes } of shown?.namespaces ?? []) {
    expect(prefixes.length).toBeGreaterThan(0);
    for (const { pods } of prefixes) expect(pods.length).toBeGreaterThan(0);
  }
});

it("shows what each pod holds where blocks are kept by pod", () => {
  expect(view({ strategy: "prefix-hash" })).toEqual({
    nodes: 15,
    storedTokens: 240,
    namespaces: [],
    more: false,
    pods: [
      { name: "a", storedTokens: 144 },
      { name: "b", storedTokens: 96 },
      { name: "c", storedTokens: 0 },
    ],
  });
});

it("has nothing to show of strategies that go by load alone", () => {
  for (const strategy of [
    "round-robin",
    "random",
    "least-request",
    "least-kv-cache",
    "power-of-two",
    "oracle",
  ] as const)
    expect(taught({ strategy }).strategy).not.toHaveProperty("view");
  expect(MODES.every((mode) => taught({ mode }).strategy.view !== undefined)).toBe(true);
});
