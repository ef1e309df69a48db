import { array, assert, constant, integer, property, record, tuple } from "fast-check";
import { expect, it } from "vitest";
import { tokenIds, type TraceEntry } from "../../fixtures/traces/trace.ts";
import { idealHitRatio } from "./ideal-hits.ts";

const BLOCK_TOKENS = 4;

/** The definition, with every prefix of whole blocks spelt out. */
function spelledOut(entries: readonly TraceEntry[]): number {
  const stored = new Set<string>();
  let promptTokens = 0;
  let hitTokens = 0;
  for (const { prompt, reply } of entries) {
    const asked = [...tokenIds(prompt)];
    const computed = [...asked, ...tokenIds([reply])].slice(0, -1);
    let hit = 0;
    while (hit + BLOCK_TOKENS < asked.length && stored.has(computed.slice(0, hit + BLOCK_TOKENS).join())) {
      hit += BLOCK_TOKENS;
    }
    for (let end = BLOCK_TOKENS; end <= computed.length; end += BLOCK_TOKENS) stored.add(computed.slice(0, end).join());
    promptTokens += asked.length;
    hitTokens += hit;
  }
  return hitTokens / promptTokens;
}

it("counts the same tokens as the same however they are cut into runs", () => {
  // Few ids, so that prompts agree and runs go on where others end.
  const run = tuple(integer({ min: 0, max: 5 }), integer({ min: 1, max: 6 }));
  const entry = record({ atMs: constant(0), prompt: array(run, { minLength: 1, maxLength: 6 }), reply: run });
  assert(
    property(array(entry, { minLength: 1, maxLength: 30 }), (entries) => {
      expect(idealHitRatio({ name: "runs", entries }, BLOCK_TOKENS)).toBe(spelledOut(entries));
    }),
  );
});
