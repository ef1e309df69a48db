/** What a run is asked for, and what it tells while it goes on. */
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import type { Case } from "../case.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownFailing } from "./known-failing.ts";
import type { ReportRow } from "./report-rows.ts";

export interface RunOptions {
  readonly adapter: RouterAdapter;
  /** As `--only`: ids, groups, levels, requirements, comma-separated. Default: every case. */
  readonly only?: string;
  /** Draws prompts, pods and, with `shuffle`, the order of cases. Default 1. */
  readonly seed?: number;
  readonly shuffle?: boolean;
  /** Failures of SHOULD make the router non-conformant. */
  readonly strict?: boolean;
  /** Run cases that wait for minutes of real time. */
  readonly slow?: boolean;
  /** `L0`: fresh prompts only; `L1`: fresh pods for each case; `L2`: a fresh router for each case. Default `L0`. */
  readonly isolation?: IsolationLevel;
  readonly knownFailing?: readonly KnownFailing[];
  /** Cases that have not ended by then are `not-run`. Default: no limit. */
  readonly maxTimeMs?: number;
  /** Ends the case under way; those after it are `not-run`. */
  readonly signal?: AbortSignal;
  /** Ends the run at once, and leaves the router as it is: for who asks a second time. */
  readonly now?: AbortSignal;
  /** How a user names this router on the command line, for reproduce lines; e.g. `--adapter FILE`. */
  readonly attachedBy?: string;
  /** Told of every row as it is made, and of each case as it begins. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Default: the whole catalogue. */
  readonly catalogue?: readonly Case[];
}

export type IsolationLevel = "L0" | "L1" | "L2";

export type RunEvent =
  | { readonly type: "begin"; readonly id: string; readonly index: number; readonly total: number }
  | { readonly type: "row"; readonly row: ReportRow; readonly evidence?: () => Evidence };
