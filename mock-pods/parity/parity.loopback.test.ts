import { expect, it } from "vitest";
import { readExchanges } from "./recorded-exchange.ts";
import { replayAll } from "./replay.ts";

it(
  "answers what a real vLLM 0.32 answered, but for what a model or a clock decides",
  { timeout: 120_000 },
  async () => {
    const results = await replayAll(readExchanges("fixtures/recordings/wire-public.jsonl"));
    expect(results).toHaveLength(220);
    const differing = results.filter(({ differences }) => differences.length > 0);
    expect(differing.map(({ exchange }) => exchange.id)).toEqual([]);
  },
);
