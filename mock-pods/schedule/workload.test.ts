import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { playWorkload } from "./play-workload.ts";
import { readWorkloads } from "./workload.ts";

const folder = mkdtempSync(join(tmpdir(), "workloads-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = {
  blockSize: 4,
  numGpuBlocks: 9,
  maxModelLen: 32,
  maxNumSeqs: 4,
  maxNumBatchedTokens: 16,
  prefixCaching: true,
  policy: "fcfs",
  watermark: 0,
  longPrefillTokenThreshold: 0,
  reserveFullIsl: true,
};
const workload = {
  seed: 1,
  tags: [],
  config,
  requests: [{ a: 0, p: [["u", 0, 5]], n: 5, m: 2 }],
  aborts: [],
  resets: [],
};

function file(...lines: readonly unknown[]): string {
  const path = join(folder, `${Math.random()}.jsonl`);
  writeFileSync(path, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return path;
}

it("reads with and without a header, plain and gzipped, whatever the name", () => {
  const zipped = join(folder, "zipped");
  writeFileSync(zipped, gzipSync(JSON.stringify(workload)));
  expect(readWorkloads(zipped)).toEqual([workload]);
  expect(readWorkloads(file({ kind: "header" }, workload, "", workload))).toEqual([workload, workload]);
});

it("plays a workload without steps", () => {
  expect(readWorkloads(file(workload)).map(playWorkload)[0]).toEqual({
    produced: [2],
    steps: [
      { s: 0, sch: [[0, 5]], new: [[0, 0]], run: 1, wait: 0, free: 6, pq: [1, 5, 0] },
      { s: 1, sch: [[0, 1]], fin: [0], run: 0, wait: 0, free: 8, fmid: 6 },
      { s: 2, sch: [], run: 0, wait: 0, free: 8 },
    ],
  });
});

describe("a malformed file is one clear line", () => {
  const change = (part: object): object => ({ ...workload, ...part });
  const request = workload.requests[0];
  it.each([
    [[], /: no workloads in it$/],
    [["{"], /:1: not JSON: /],
    [[{ kind: "header" }, "nope"], /:2: not JSON: /],
    [[[1]], /:1: \/: \[1\] must be object$/],
    [[change({ seed: "x" })], /:1: \/seed: "x" must be integer$/],
    [
      [change({ config: { ...config, policy: "lifo" } })],
      /:1: \/config\/policy: "lifo" is not one of "fcfs", "priority"$/,
    ],
    [
      [change({ config: { ...config, numGpuBlocks: 8 } })],
      /\/config: 8 blocks hold 28 tokens, fewer than one request of maxModelLen 32$/,
    ],
    [[change({ requests: [{ ...request, n: 6 }] })], /\/requests\/0\/n: 6, but its segments are 5 tokens$/],
    [[change({ requests: [{ ...request, p: [["r", 0, 1]] }] })], /refers to request 0, which is not an earlier one$/],
    [[change({ requests: [{ ...request, p: [["u", 0, 40]], n: 40 }] })], /40 tokens leave no room in maxModelLen 32$/],
    [[change({ aborts: [[3, 1]] })], /\/aborts: there is no request 1$/],
  ])("%j", (lines, message) => {
    expect(() => readWorkloads(file(...lines))).toThrow(message);
  });

  it("that is not there", () => {
    expect(() => readWorkloads(join(folder, "none"))).toThrow(/^cannot read .*none: no such file$/);
  });

  it("that only pretends to be gzipped", () => {
    const path = join(folder, "bad.gz");
    writeFileSync(path, Buffer.from([0x1f, 0x8b, 1, 2, 3]));
    expect(() => readWorkloads(path)).toThrow(/^cannot read .*bad\.gz: /);
  });
});
