/** The reports in `recorded/` are what the pinned versions wrote against pods, cut down to their summaries. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readJsonFile } from "../../fixtures/schema.ts";
import { aiperf } from "./aiperf.ts";
import { guidellm } from "./guidellm.ts";
import { inferencePerf } from "./inference-perf.ts";
import type { Figures, LoadClient } from "./load-client.ts";

const RECORDED: readonly (readonly [LoadClient, Figures])[] = [
  [guidellm, { requests: 24, promptTokens: 6216, outputTokens: 768, ttftMs: 127.233, perTokenMs: 25.352 }],
  [
    inferencePerf,
    { requests: 24, promptTokens: 5760, outputTokens: 768, cachedTokens: 4320, ttftMs: 59.336, perTokenMs: 24.681 },
  ],
  [
    aiperf,
    { requests: 32, promptTokens: 8288, outputTokens: 1024, cachedTokens: 3840, ttftMs: 133.727, perTokenMs: 24.756 },
  ],
];

describe.each(RECORDED)("$name", (client, figures) => {
  const report = readJsonFile(join(import.meta.dirname, "recorded", `${client.name}.json`));

  it("is read for counts as they are and for means in milliseconds", () => {
    const { ttftMs, perTokenMs, ...counts } = figures;
    const read = client.read(report);
    expect(read).toMatchObject(counts);
    expect(Object.keys(read).sort()).toEqual(Object.keys(figures).sort());
    expect([read.ttftMs, read.perTokenMs]).toEqual([expect.closeTo(ttftMs, 2), expect.closeTo(perTokenMs, 2)]);
  });

  it("is refused by name when it has another shape", () => {
    expect(() => client.read({ version: 9 })).toThrow(client.name);
  });

  it("is told where to go, whom to ask for and where the tokenizer is, in its own words", () => {
    const target = { url: "http://127.0.0.1:1", model: "mock-model", tokenizer: "/tokenizer", folder: "/folder" };
    const said = [...client.argv(target), ...Object.values(client.files?.(target) ?? {})].join("\n");
    expect(said).toContain(target.url);
    expect(said).toContain(target.tokenizer);
    expect(said).toContain(target.folder);
  });
});
