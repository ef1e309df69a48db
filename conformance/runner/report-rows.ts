/** The lines of `report.jsonl` and of `verify --json`: one header, one row per case of the catalogue, one footer. */
import type { Level } from "../case.ts";
import type { Statistic, Verdict } from "../judgement.ts";
import type { DeclaredSettle } from "../adapters/settling.ts";
import type { RouterProfile } from "../router-profile.ts";

export interface HeaderRow {
  readonly type: "header";
  readonly format: 1;
  readonly suite: { readonly version: string; readonly cases: number; readonly catalogue: string };
  readonly router: { readonly name: string; readonly version: string; readonly kind: string };
  readonly profile: RouterProfile;
  readonly seed: number;
  readonly startedAt: string;
  readonly host: { readonly platform: string; readonly node: string; readonly cpus: number };
  /** A fixed waiting time that the adapter declares, with its reason. */
  readonly settle?: DeclaredSettle;
  /** The command that makes this report again. */
  readonly reproduce: string;
}

export interface CaseRow {
  readonly type: "case";
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** Kebab-case code; absent for a pass. */
  readonly reason?: string;
  /** One sentence for a maintainer. */
  readonly detail?: string;
  /** The steps that led to a failure, in words. */
  readonly done?: string;
  /** The claim whose absence from the profile makes the case unsupported: a path and, where it matters, the value. */
  readonly missingClaim?: string;
  readonly seed: number;
  readonly expected?: readonly string[];
  readonly observed?: readonly string[];
  readonly statistic?: Statistic;
  readonly knownFailing?: { readonly reason: string; readonly link?: string };
  readonly durationMs: number;
  readonly reproduce: string;
}

export type OverallVerdict = "conformant" | "non-conformant" | "inconclusive" | "error";

export interface FooterRow {
  readonly type: "footer";
  readonly verdict: OverallVerdict;
  readonly exitCode: 0 | 1 | 2 | 3;
  readonly counts: Readonly<Partial<Record<Verdict, number>>>;
  /** Failures by level, known ones left out. */
  readonly failed: Readonly<Partial<Record<Level, number>>>;
  readonly knownFailing: number;
  /** Entries of the known-failing list that must go. */
  readonly stale: readonly string[];
  readonly durationMs: number;
  /** What went wrong outside the router, when something did. */
  readonly error?: string;
}

export type ReportRow = HeaderRow | CaseRow | FooterRow;

export interface Report {
  readonly header: HeaderRow;
  readonly cases: readonly CaseRow[];
  readonly footer: FooterRow;
}
