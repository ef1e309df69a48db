import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseBackendsFile, watchBackendsFile } from "./backends-file.ts";
import type { PodSource } from "./pod-source.ts";
import { recordingSink } from "./test-recording-sink.ts";

let folder: string;
let path: string;
let source: PodSource | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "routeproof-"));
  path = join(folder, "pods.yaml");
});
afterEach(() => {
  source?.stop();
  source = undefined;
  rmSync(folder, { recursive: true });
});

it("reads JSON and YAML alike, and plain URLs as pods", () => {
  const pods = [{ url: "http://a:1" }, { url: "http://b:2", gpu: "a6000", name: "b", models: ["m"] }];
  expect(parseBackendsFile(JSON.stringify(pods), "f")).toEqual(pods);
  expect(parseBackendsFile("- http://a:1\n- url: http://b:2\n  gpu: a6000\n  name: b\n  models: [m]\n", "f")).toEqual(
    pods,
  );
  expect(parseBackendsFile("[]", "f")).toEqual([]);
});

it.each([
  ["{", /^f: [^\n]+$/],
  ["", /^f: is empty; write \[\] for no pods$/],
  ["# none\n", /^f: is empty; write \[\] for no pods$/],
  ["pods: []", /^f: must be a list of pods$/],
  ["- url: http://a:1\n  gpus: a6000\n", /^f: \/0: unknown key "gpus"; allowed: url, name, gpu, models, uid$/],
  ["- name: a\n", /^f: \/0: missing key "url"$/],
  ["- 7\n", /^f: \/0: 7 must be object$/],
  ["- http://a:1\n- url: a:1\n", /^f: http:\/\/a:1 is listed twice; /],
  ["- ftp://a:1\n", /^f: "ftp:\/\/a:1" is not a pod URL; write http:\/\/host:port$/],
  ["- url: http://a:1\n  gpu: h100\n", /^f: unknown GPU profile "h100"; there are a6000, /],
])("refuses %j in one line", (text, message) => {
  expect(() => parseBackendsFile(text, "f")).toThrow(message);
});

it("follows edits in place, replacements and a switched symbolic link", async () => {
  writeFileSync(path, "- http://a:1\n");
  const sink = recordingSink();
  source = watchBackendsFile(path, sink);
  await sink.settled(["http://a:1"]);
  writeFileSync(path, "- http://b:1\n");
  await sink.settled(["http://b:1"]);
  writeFileSync(join(folder, "new"), "- http://c:1\n");
  renameSync(join(folder, "new"), path);
  await sink.settled(["http://c:1"]);
  writeFileSync(join(folder, "target"), "- http://d:1\n");
  symlinkSync("target", join(folder, "link"));
  renameSync(join(folder, "link"), path);
  await sink.settled(["http://d:1"]);
  expect(sink.logged).toMatchObject([{ pods: 1 }, { pods: 1 }, { pods: 1 }]);
});

it("keeps the list it had through bad edits and says why, each time (CFG-02: ps #617, #815)", async () => {
  writeFileSync(path, "- http://a:1\n");
  const sink = recordingSink();
  source = watchBackendsFile(path, sink);
  writeFileSync(path, "- url: [\n");
  await sink.logs(1);
  writeFileSync(path, "- ftp://b:1\n");
  await sink.logs(2);
  writeFileSync(path, "- url: http://b:1\n  gpu: h100\n");
  await sink.logs(3);
  expect(sink.logged).toMatchObject([
    { level: "error", kept: "the list before", error: expect.stringContaining(path) },
    { level: "error", error: expect.stringContaining("ftp://b:1") },
    { level: "error", error: expect.stringContaining("h100") },
  ]);
  expect(sink.lists).toEqual([[{ url: "http://a:1" }]]);
  writeFileSync(path, "- http://b:1\n");
  await sink.settled(["http://b:1"]);
});

it("says once that the file is gone, whatever else happens in its folder, and takes up where it left off", async () => {
  writeFileSync(path, "- http://a:1\n");
  const sink = recordingSink();
  source = watchBackendsFile(path, sink);
  rmSync(path);
  await sink.logs(1);
  for (let count = 0; count < 20; count++) {
    writeFileSync(join(folder, "router.log"), "a line\n".repeat(count));
    source.refresh();
  }
  expect(sink.logged).toMatchObject([{ level: "error", error: `cannot read ${path}: no such file` }]);
  writeFileSync(path, "- http://a:1\n");
  await sink.logs(2);
  expect(sink.logged.at(-1)).toMatchObject({ level: "info", pods: 1 });
});

it("refuses to start with a bad file", () => {
  expect(() => watchBackendsFile(path, recordingSink())).toThrow(/no such file/);
  writeFileSync(path, "nonsense");
  expect(() => watchBackendsFile(path, recordingSink())).toThrow(/list of pods/);
});
