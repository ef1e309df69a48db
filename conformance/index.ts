/** Judge a router from a program: what `routeproof verify` does, as functions. */
import { CASES } from "./cases/index.ts";
import type { Case } from "./case.ts";

export { openAdapter } from "./adapters/open-adapter.ts";
export type { PodAddress, RouterAdapter, RouterUnderTest, StartOptions } from "./adapters/router-under-test.ts";
export type { Case, Level } from "./case.ts";
export type { Judgement, Verdict } from "./judgement.ts";
export type { RouterProfile } from "./router-profile.ts";
export type { KnownFailing } from "./runner/known-failing.ts";
export type { CaseRow, FooterRow, HeaderRow, Report, ReportRow } from "./runner/report-rows.ts";
export type { RunEvent } from "./runner/run-options.ts";
export { runConformance, type ConformanceOptions } from "./run-conformance.ts";

/** Every case of the suite, in order. */
export function cases(): readonly Case[] {
  return CASES;
}
