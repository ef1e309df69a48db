import { expect, it } from "vitest";
import type { CaseRow } from "../runner/report-rows.ts";
import { gravestFirst } from "./gravest-first.ts";

const row = (id: string, level: CaseRow["level"]): CaseRow => ({
  type: "case",
  id,
  level,
  requirement: "R",
  title: "",
  verdict: "fail",
  seed: 1,
  durationMs: 1,
  reproduce: "",
});

it("names what weighs most first, and else keeps the catalogue's order", () => {
  const rows = [row("THR-01", "INFO"), row("LPM-01", "MUST"), row("SPL-01", "SHOULD"), row("STR-01", "MUST")];
  expect(gravestFirst(rows).map(({ id }) => id)).toEqual(["LPM-01", "STR-01", "SPL-01", "THR-01"]);
});
