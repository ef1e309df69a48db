/** The header of a report and its row of a case. */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Case } from "../case.ts";
import packageJson from "../../package.json" with { type: "json" };
import { type KnownFailing, knownFailingFor } from "./known-failing.ts";
import type { CaseRow, HeaderRow } from "./report-rows.ts";
import type { CaseOutcome } from "./run-case.ts";
import type { RunOptions } from "./run-options.ts";
import { quoted } from "./shell-word.ts";

export function headerFor(options: RunOptions, catalogue: readonly Case[], seed: number): HeaderRow {
  const { adapter } = options;
  const wording = catalogue.map(({ id, level, title }) => `${id} ${level} ${title}`).join("\n");
  return {
    type: "header",
    format: 1,
    suite: {
      version: packageJson.version,
      cases: catalogue.length,
      catalogue: createHash("sha256").update(wording).digest("hex").slice(0, 16),
    },
    router: { name: adapter.name, version: adapter.version, kind: adapter.kind },
    profile: adapter.profile,
    seed,
    startedAt: new Date().toISOString(),
    host: { platform: `${process.platform} ${process.arch}`, node: process.version, cpus: availableParallelism() },
    ...(adapter.settle === undefined ? {} : { settle: adapter.settle }),
    reproduce: commandLine(options.attachedBy, asAsked(options, seed)),
  };
}

/** The options of the whole run, as a user writes them. */
function asAsked({ only, shuffle, isolation = "L0", slow, strict, maxTimeMs }: RunOptions, seed: number): string {
  return [
    ...(only === undefined ? [] : [`--only ${quoted(only)}`]),
    `--seed ${seed}`,
    ...(shuffle === true ? ["--shuffle"] : []),
    ...(isolation === "L0" ? [] : [`--isolation ${isolation}`]),
    ...(slow === true ? ["--slow"] : []),
    ...(strict === true ? ["--strict"] : []),
    ...(maxTimeMs === undefined ? [] : [`--max-time ${Math.ceil(maxTimeMs / 1000)}`]),
  ].join(" ");
}

function commandLine(attachedBy: string | undefined, rest: string): string {
  return ["routeproof verify", attachedBy, rest].filter((part) => part !== undefined && part !== "").join(" ");
}

/** Without the keys that have no value: a row shows what there is. */
function definedOnly<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

export interface RowContext {
  readonly seed: number;
  /** The case may be one that runs only so. */
  readonly slow: boolean;
  readonly knownFailing: readonly KnownFailing[];
  readonly attachedBy: string | undefined;
}

export function rowFor(
  { id, level, requirement, title }: Case,
  { verdict, reason, detail, done, missingClaim, expected, observed, statistic }: CaseOutcome,
  durationMs: number,
  { seed, slow, knownFailing, attachedBy }: RowContext,
): CaseRow {
  const known = knownFailingFor(id, knownFailing);
  return {
    type: "case",
    id,
    level,
    requirement,
    title,
    verdict,
    ...definedOnly({ reason, detail, done, missingClaim, expected, observed, statistic }),
    ...(known === undefined
      ? {}
      : { knownFailing: { reason: known.reason, ...(known.link === undefined ? {} : { link: known.link }) } }),
    seed,
    durationMs: Math.round(durationMs),
    reproduce: commandLine(attachedBy, `--only ${id} --seed ${seed}${slow ? " --slow" : ""}`),
  };
}
