import { expect, it } from "vitest";
import { readExchanges } from "./recorded-exchange.ts";
import { replayAll, replayVersion } from "./replay.ts";

it.each([
  ["wire-public.jsonl", 220],
  ["wire-more.jsonl.gz", 5157],
])(
  "answers what a real vLLM 0.32 answered, but for what a model or a clock decides (%s)",
  { timeout: 300_000 },
  async (file, count) => {
    const results = await replayAll(readExchanges(`fixtures/recordings/${file}`));
    expect(results).toHaveLength(count);
    const differing = results.filter(({ differences }) => differences.length > 0);
    expect(differing.map(({ exchange }) => exchange.id)).toEqual([]);
  },
);

it("answers as a real vLLM 0.28 with --vllm-version 0.28", { timeout: 300_000 }, async () => {
  const results = await replayVersion(readExchanges("fixtures/recordings/wire-0.28.jsonl.gz"), "0.28");
  expect(results).toHaveLength(2256);
  const differing = results.filter(({ differences }) => differences.length > 0);
  expect(differing.map(({ exchange }) => exchange.id)).toEqual([]);
});
