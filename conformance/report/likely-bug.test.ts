import { expect, it } from "vitest";
import type { CaseRow } from "../runner/report-rows.ts";
import { likelyBugs } from "./likely-bug.ts";

const row = (id: string, verdict: CaseRow["verdict"], reason?: string): CaseRow => ({
  type: "case",
  id,
  level: "MUST",
  requirement: `R-${id}`,
  title: "A router MUST.",
  verdict,
  ...(reason === undefined ? {} : { reason }),
  seed: 1,
  durationMs: 1,
  reproduce: "routeproof verify",
});

it("names the broken router whose failures are most like these, not just any that fails the same case", () => {
  const threshold = "followed-the-owner-below-threshold";
  const passed = ["LPM-01", "LPM-05", "SPL-01", "POD-06"].map((id) => row(id, "pass"));
  const ignored = ["THR-01", "THR-03", "THR-04", "THR-06", "THR-07"].map((id) => row(id, "fail", threshold));
  expect(likelyBugs([...ignored, row("THR-02", "pass"), ...passed]).get("THR-04")).toContain("ignores the threshold");
  const flipped = ["THR-01", "THR-03", "THR-06", "THR-07"].map((id) => row(id, "pass"));
  expect(likelyBugs([...flipped, row("THR-04", "fail", threshold), ...passed]).get("THR-04")).toContain(
    "comparison flipped",
  );
});

it("names broken proxies too, and says nothing where none fails so", () => {
  const rows = [row("STR-02", "fail", "stream-buffered"), row("STR-01", "fail", "a-new-kind"), row("STR-03", "pass")];
  expect([...likelyBugs(rows)]).toEqual([["STR-02", "buffers streams (mutant M43a)"]]);
});

it("names the one that was made for the case where that case alone was run", () => {
  const row8 = row("LOAD-08", "fail", "aborted-requests-still-counted");
  expect(likelyBugs([row8]).get("LOAD-08")).toMatch(/^leaks on abort \(mutant M36h?\)/);
});
