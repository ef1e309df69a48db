/** Judges a router as a program names it: for code what `routeproof verify` is for a command line. */
import { attach, type Attached } from "./adapters/attached.ts";
import { attachedBy } from "./attach-options.ts";
import { knownFailingIn, type KnownFailing } from "./runner/known-failing.ts";
import type { Report } from "./runner/report-rows.ts";
import { runCases } from "./runner/run-cases.ts";
import type { RunOptions } from "./runner/run-options.ts";

export interface ConformanceOptions extends Attached, Omit<RunOptions, "adapter" | "attachedBy" | "knownFailing"> {
  /** Failures that are known, each with its reason; or the path of a file that lists them. */
  readonly knownFailing?: readonly KnownFailing[] | string;
}

/**
 * One row a case of the catalogue, whatever happens: a router that does not start gives rows that say so, and a footer
 * with the error.
 *
 * @throws {OperationalError} USAGE when nothing is selected, or for what is no adapter; FILE_UNREADABLE, FILE_INVALID or
 *   REQUIREMENT_MISSING for what stands in a file
 */
export async function runConformance(options: ConformanceOptions): Promise<Report> {
  const { adapter, profile, knownFailing = [], ...rest } = options;
  return runCases({
    attachedBy: attachedBy({ ...fromFile("adapter", adapter), ...fromFile("profile", profile) }),
    ...rest,
    adapter: await attach({ adapter, profile }),
    knownFailing: knownFailingIn(knownFailing),
  });
}

const fromFile = (name: string, given: unknown): Record<string, string> =>
  typeof given === "string" ? { [name]: given } : {};
