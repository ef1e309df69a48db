import { expect, it } from "vitest";
import type { RouterView } from "./http-facilities.ts";
import { untilQuiet } from "./quiet.ts";

const view = (pages: readonly (string | undefined)[], declared = true): RouterView => {
  const left = [...pages];
  return {
    observe: declared ? { metrics: { url: "{{url}}/metrics", inFlight: { name: "under_way", pod: "pod" } } } : {},
    podSeenBy: undefined,
    asksForReplays: false,
    metricsPage: async () => (left.length > 1 ? left.shift() : left[0]),
    readiness: async () => 0,
    memoryBytes: async () => undefined,
    logs: () => undefined,
  };
};
const page = (a: number, b: number): string => `under_way{pod="a"} ${a}\nunder_way{pod="b"} ${b}\n`;
const now = (): number => performance.now();

it("is proven by a gauge that comes down to what is held open on purpose", async () => {
  expect(await untilQuiet(view([page(2, 1), page(1, 1)]), 2, now)).toBe(true);
});

it.each([
  ["a gauge that never comes down", [page(1, 0)], true],
  ["a page without the gauge", ["other 1\n"], true],
  ["a page that is none", ["<html>"], true],
  ["no page", [undefined], true],
  ["no declaration", [page(0, 0)], false],
] as const)("is not proven by %s", async (_name, pages, declared) => {
  expect(await untilQuiet(view(pages, declared), 0, now)).toBe(false);
});
