/** The probe over real HTTP, as a user runs it, against the reference router. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "routeproof-probe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function probe(...words: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", join(ROOT, "ci/routeproof.ts"), "probe", ...words],
    { encoding: "utf8", cwd: ROOT },
  );
  return { code: status, out: stdout, err: stderr };
}

it("measures what the reference router is, and finds where a profile says something else", { timeout: 180_000 }, () => {
  const [out, claims] = [join(folder, "measured.json"), join(folder, "claims.json")];
  writeFileSync(claims, JSON.stringify({ threshold: { value: 0.3, comparison: ">" }, load: { signal: "in-flight" } }));
  const { code, out: printed } = probe("--profile", claims, "--out", out, "--json");
  const report = JSON.parse(printed) as { contradictions: unknown };
  expect(report.contradictions).toEqual([{ field: "threshold.value", declared: 0.3, measured: 0.5 }]);
  expect(code).toBe(1);
  expect(JSON.parse(readFileSync(out, "utf8"))).toMatchObject({
    match: { unit: { token: "any" } },
    threshold: { value: 0.5, comparison: ">", ratioOf: "request" },
    cold: { policy: "least-load" },
    load: { signal: "in-flight" },
    gate: null,
  });
});

it("ends with 4 and one line when the seed is no number", () => {
  const { code, err } = probe("--seed", "many");
  expect(code).toBe(4);
  expect(err).toBe("routeproof: --seed many is not a whole number\n");
});
