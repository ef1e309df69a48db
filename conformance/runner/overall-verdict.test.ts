import { expect, it } from "vitest";
import type { Level } from "../case.ts";
import type { Verdict } from "../judgement.ts";
import { footerFor } from "./overall-verdict.ts";
import type { CaseRow } from "./report-rows.ts";

const row = (level: Level, verdict: Verdict, known = false): CaseRow => ({
  type: "case",
  id: "THR-01",
  level,
  requirement: "R-THR-1",
  title: "",
  verdict,
  seed: 1,
  durationMs: 1,
  reproduce: "",
  ...(known ? { knownFailing: { reason: "tracked" } } : {}),
});

const options = { strict: false, stale: [], durationMs: 1 };
const pass = row("MUST", "pass");

it.each([
  [0, "conformant", [pass, row("MUST", "unsupported"), row("MUST", "skipped")]],
  [0, "conformant", [pass, row("SHOULD", "fail"), row("INFO", "fail"), row("SHOULD", "inconclusive")]],
  [0, "conformant", [pass, row("MUST", "fail", true)]],
  [1, "non-conformant", [pass, row("MUST", "fail")]],
  [1, "non-conformant", [pass, row("declared-MUST", "fail"), row("MUST", "error"), row("MUST", "inconclusive")]],
  [2, "inconclusive", [pass, row("MUST", "inconclusive")]],
  [2, "inconclusive", [row("MUST", "unsupported"), row("MUST", "skipped")]],
  [2, "inconclusive", [pass, row("declared-MUST", "not-run")]],
  [3, "error", [pass, row("MUST", "error"), row("MUST", "inconclusive")]],
  [3, "error", [row("INFO", "error")]],
] as const)("exit code %i, %s: %#", (exitCode, verdict, rows) => {
  expect(footerFor(rows, options)).toMatchObject({ exitCode, verdict });
});

it("counts a failed SHOULD only when strict, and never an INFO", () => {
  expect(footerFor([row("SHOULD", "fail")], { ...options, strict: true }).exitCode).toBe(1);
  expect(footerFor([row("INFO", "fail")], { ...options, strict: true }).exitCode).toBe(0);
});

it("fails when an entry of the known-failing list must go", () => {
  expect(footerFor([pass], { ...options, stale: [`"THR-01": THR-01 passes`] }).exitCode).toBe(1);
});

it("is an error when the router could not be started, whatever the rows say", () => {
  expect(footerFor([row("MUST", "not-run")], { ...options, error: "no such program" }).exitCode).toBe(3);
});
