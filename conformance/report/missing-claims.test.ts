import { expect, it } from "vitest";
import type { CaseRow } from "../runner/report-rows.ts";
import { missingClaims } from "./missing-claims.ts";

const row = (verdict: CaseRow["verdict"], detail: string): CaseRow => ({
  type: "case",
  id: "THR-01",
  level: "MUST",
  requirement: "R-THR-1",
  title: "",
  verdict,
  detail,
  seed: 1,
  durationMs: 0,
  reproduce: "",
});

it("counts the cases behind each claim that is left out, and no others", () => {
  expect(
    missingClaims(
      [
        row("unsupported", "the profile does not claim insert.when success"),
        row("unsupported", "the profile does not claim isolation.model true"),
        row("unsupported", "the profile does not claim evict.kind ttl"),
        row("unsupported", "the profile does not claim gate (null when there is none)"),
        row("unsupported", "the profile does not claim gate (null when there is none)"),
        row("unsupported", "the router has no imbalance gate"),
        row("fail", "the profile does not claim gate (null when there is none)"),
      ],
      { insert: { at: "dispatch", when: "always" }, isolation: {} },
    ),
  ).toEqual([
    ["gate", 2],
    ["isolation.model true", 1],
    ["evict.kind ttl", 1],
  ]);
});
