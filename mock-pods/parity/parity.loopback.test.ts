import { expect, it } from "vitest";
import { readExchanges } from "./recorded-exchange.ts";
import { replayAll, replayVersion } from "./replay.ts";

it.each([
  ["wire-public.jsonl", 220],
  ["wire-more.jsonl.gz", 9134],
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

it.each([
  ["0.28", 2256],
  ["0.10", 2337],
] as const)("answers as a real vLLM %s with --vllm-version", { timeout: 300_000 }, async (version, count) => {
  const results = await replayVersion(readExchanges(`fixtures/recordings/wire-${version}.jsonl.gz`), version);
  expect(results).toHaveLength(count);
  const differing = results.filter(({ differences }) => differences.length > 0);
  expect(differing.map(({ exchange }) => exchange.id)).toEqual([]);
});
