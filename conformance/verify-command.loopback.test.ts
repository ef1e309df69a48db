/** Verdicts and exit codes of the command as a user runs it, down to real sockets and a spawned router. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const ROUTER = join(import.meta.dirname, "adapters/test-router.ts");
const folder = mkdtempSync(join(tmpdir(), "routeproof-verify-"));

function verify(...words: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", join(ROOT, "ci/routeproof.ts"), "verify", ...words],
    { encoding: "utf8", cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } },
  );
  return { code: status, out: stdout, err: stderr };
}

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const rows = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const roundRobin = {
  name: "round robin",
  kind: "command",
  command: [process.execPath, ROUTER, "--port", "{{port}}", "--pods", "{{pods.urls|,}}"],
  url: "http://127.0.0.1:{{port}}",
  ready: { url: "{{url}}/healthz" },
  profile: {
    match: { unit: "char", input: "prompt" },
    threshold: { value: 0.5, comparison: ">", ratioOf: "request" },
    cold: "least-load",
    load: { signal: "in-flight" },
    insert: { at: "dispatch", when: "always" },
    gate: null,
    discovery: { convergenceMs: 200 },
  },
};

it("ends with 0 and one row per id when the router does what it claims", () => {
  const { code, out } = verify("--only", "THR-02", "--seed", "7", "--json");
  const [header, ...rest] = rows(out);
  expect(header).toMatchObject({ type: "header", seed: 7 });
  expect(rest.at(-1)).toMatchObject({ type: "footer", verdict: "conformant", exitCode: 0 });
  const ran = rest.filter(({ verdict, type }) => type === "case" && verdict !== "skipped");
  expect(ran).toMatchObject([{ id: "THR-02", verdict: "pass", seed: 7 }]);
  expect(header).toMatchObject({ suite: { cases: rest.length - 1 } });
  expect(code).toBe(0);
});

it("ends with 1 and says how to see it again when a spawned router does not", () => {
  const adapter = file("round-robin.json", roundRobin);
  const { code, out } = verify("--adapter", adapter, "--only", "THR-07", "--report", join(folder, "report"));
  expect(out).toContain("below-threshold-prompt-not-learnt");
  expect(out).toContain(`reproduce        routeproof verify --adapter ${adapter} --only THR-07 --seed 1`);
  expect(code).toBe(1);
  expect(rows(readFileSync(join(folder, "report/report.jsonl"), "utf8")).at(-1)).toMatchObject({ exitCode: 1 });
});

it("ends with 2 when time is up before a verdict", () => {
  expect(verify("--only", "THR-02", "--max-time", "0").code).toBe(2);
});

it("writes a whole report when interrupted: what it has not come to is not-run", async () => {
  const words = ["--import", "tsx", join(ROOT, "ci/routeproof.ts"), "verify", "--only", "MUST", "--json"];
  const run = spawn(process.execPath, words, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  let out = "";
  run.stdout.setEncoding("utf8").on("data", (text: string) => {
    // Cases that are not selected come first.
    if (!out.includes('"verdict":"pass"') && (out + text).includes('"verdict":"pass"')) run.kill("SIGINT");
    out += text;
  });
  const [code] = (await once(run, "close")) as [number | null];
  const interrupted = rows(out).filter(({ reason }) => reason === "interrupted");
  expect(interrupted.length).toBeGreaterThan(0);
  expect(rows(out).at(-1)).toMatchObject({
    type: "footer",
    verdict: "inconclusive",
    exitCode: 2,
    counts: { "not-run": interrupted.length },
  });
  expect(code).toBe(2);
});

it("ends at once at the second interruption, with its report and without the router that takes its time to stop", async () => {
  const adapter = file("lingering.json", { ...roundRobin, stop: { signal: "SIGWINCH", graceMs: 600_000 } });
  const words = ["--import", "tsx", join(ROOT, "ci/routeproof.ts"), "verify", "--only", "MUST", "--json"];
  const run = spawn(process.execPath, [...words, "--adapter", adapter], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let out = "";
  const asked = ['"verdict":"pass"', '"reason":"interrupted"'];
  run.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    while (asked[0] !== undefined && out.includes(asked[0])) {
      asked.shift();
      run.kill("SIGINT");
    }
  });
  const [code] = (await once(run, "close")) as [number | null];
  expect(rows(out).at(-1)).toMatchObject({ type: "footer" });
  expect([1, 2]).toContain(code);
});

it("ends with 3 and the router's last words when it does not start, and with every id not-run", () => {
  const adapter = file("dying.json", { ...roundRobin, command: [...roundRobin.command, "--fail", "no licence found"] });
  const { code, out } = verify("--adapter", adapter, "--only", "THR-02", "--json");
  expect(rows(out).at(-1)).toMatchObject({ verdict: "error", error: expect.stringContaining("no licence found") });
  expect(rows(out).find(({ id }) => id === "THR-02")).toMatchObject({ verdict: "not-run" });
  expect(code).toBe(3);
});

it("ends with 4 and one clear line, without a stack, when nothing is selected", () => {
  const { code, err } = verify("--only", "NOPE-1");
  expect(err).toMatch(/^routeproof: --only: no case is called "NOPE-1"; .*\n$/);
  expect(code).toBe(4);
});

it("judges a running router whose pods the kit binds", async () => {
  const [first, second] = await Promise.all([freePort(), freePort()]);
  const adapter = file("fixed.json", {
    ...roundRobin,
    command: [
      process.execPath,
      ROUTER,
      "--port",
      "{{port}}",
      "--pods",
      `http://127.0.0.1:${first},http://127.0.0.1:${second}`,
    ],
  });
  const { openAdapter } = await import("./adapters/open-adapter.ts");
  const { RealClock } = await import("../fixtures/clock.ts");
  const router = await (await openAdapter(adapter)).start({ pods: [], seed: 1, clock: new RealClock() });
  if (router.kind !== "http") throw new Error("expected HTTP");
  try {
    const profile = file("profile.json", roundRobin.profile);
    const where = ["--url", router.url, "--pods-listen", `127.0.0.1:${first},127.0.0.1:${second}`];
    const { out, code } = verify(...where, "--profile", profile, "--only", "THR-07,POD-02", "--json");
    const verdicts = rows(out).filter(({ type, verdict }) => type === "case" && verdict !== "skipped");
    expect(verdicts).toMatchObject([
      { id: "THR-07", verdict: "fail" },
      { id: "POD-02", verdict: "unsupported" },
    ]);
    expect(code).toBe(1);
  } finally {
    await router.close();
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
