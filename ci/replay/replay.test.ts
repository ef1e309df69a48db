import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ReplaySummary } from "../../conformance/replay/summary.ts";
import { main } from "../routeproof.ts";

const CHAT = join(import.meta.dirname, "../../fixtures/traces/chat.jsonl");
const folder = mkdtempSync(join(tmpdir(), "routeproof-replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

let stdout = "";
let stderr = "";
beforeEach(() => {
  stdout = stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => void vi.restoreAllMocks());

async function replay(...words: string[]): Promise<number> {
  return main(["replay", "--trace", CHAT, ...words]);
}

it("compares strategies, and going by prefix hits more than taking turns", async () => {
  expect(await replay("--json", "--strategies", "round-robin,prefix-cache-and-load,oracle")).toBe(0);
  const [header, ...rows] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as ReplaySummary);
  expect(header).toMatchObject({ type: "header", requests: 240, pods: "a6000:4", seed: 1 });
  const [turns, prefix, oracle] = rows.map(({ prefixHitRatio }) => prefixHitRatio);
  expect(rows.map(({ strategy }) => strategy)).toEqual(["round-robin", "prefix-cache-and-load", "oracle"]);
  expect(prefix).toBeGreaterThan((turns ?? NaN) * 1.3);
  expect(oracle).toBeGreaterThan(turns ?? NaN);
});

it("prints the same bytes for the same seed", async () => {
  await replay("--json", "--seed", "5", "--strategies", "random");
  const first = stdout;
  stdout = "";
  await replay("--json", "--seed", "5", "--strategies", "random");
  expect(stdout).toBe(first);
  stdout = "";
  await replay("--json", "--seed", "6", "--strategies", "random");
  expect(stdout).not.toBe(first);
});

it("writes a report of the run and of every request", async () => {
  const report = join(folder, "new", "report");
  await replay("--report", report, "--limit", "20", "--strategies", "round-robin");
  expect(readFileSync(join(report, "replay.md"), "utf8")).toMatch(/\| round-robin \|/);
  expect(JSON.parse(readFileSync(join(report, "replay.json"), "utf8"))).toMatchObject({ requests: 20 });
  expect(readFileSync(join(report, "requests.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(20);
});

it("takes settings of a strategy, and a smaller cache", async () => {
  const spec = "prefix-cache-and-load:ttlMs=100:threshold=0.9";
  await replay(
    "--json",
    "--strategies",
    `prefix-cache-and-load,${spec}`,
    "--num-gpu-blocks-override",
    "600",
    "--pods",
    "a6000:1,v100:1",
  );
  const hits = stdout
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => (JSON.parse(line) as ReplaySummary).prefixHitRatio);
  expect(hits[1]).toBeLessThan(hits[0] ?? NaN);
});

it.for([
  [
    "an unknown strategy",
    ["--strategies", "sticky"],
    /no strategy "sticky" in "sticky"; there are prefix-cache-and-load, /,
  ],
  ["an unknown setting", ["--strategies", "random:ttl=3"], /no setting "ttl" in "random:ttl=3"; there are mode, /],
  [
    "a setting that is no number",
    ["--strategies", "random:ttlMs=soon"],
    /"soon" in "random:ttlMs=soon" is not a number/,
  ],
  ["an unknown card", ["--pods", "h200:2"], /unknown GPU profile "h200"; there are a6000, v100/],
  ["no pods", ["--pods", "a6000:0"], /0 pods of "a6000"/],
  ["a scale for a trace that has none", ["--scale", "32"], /a scale is for Mooncake traces/],
  ["a limit of nothing", ["--limit", "0"], /holds no request/],
  ["a limit that is no number", ["--limit", "few"], /whole number, not "few"/],
  ["a rate of nothing", ["--rate", "0"], /a number above 0, not "0"/],
  ["other routers under virtual time", ["--adapters", "smg"], /--adapters are routers that run: add --live/],
  ["an adapter that is not there", ["--live", "--adapters", "nowhere.json"], /nowhere.json/],
  ["a report where there is a file", ["--report", CHAT], /cannot write/],
] as const)("ends with 4 and one line for %s", async ([, words, message]) => {
  expect(await replay(...words)).toBe(4);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

it("ends with 4 and the line at fault for a trace that is none", async () => {
  const bad = join(folder, "bad.jsonl");
  writeFileSync(bad, '{"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]}\n{"timestamp": 1}\n');
  expect(await main(["replay", "--trace", bad])).toBe(4);
  expect(stderr).toBe(`routeproof: ${bad}:2: /: missing key "input_length"\n`);
  expect(await main(["replay", "--trace", join(folder, "none")])).toBe(4);
});
