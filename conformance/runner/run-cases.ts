/** Judges one router: every case of the catalogue gets a row, whatever happens. */
import { Random } from "../../fixtures/random.ts";
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import type { Case } from "../case.ts";
import type { Verdict } from "../judgement.ts";
import { CASES } from "../cases/index.ts";
import type { Evidence } from "./evidence.ts";
import { withFewestWaits } from "./fewest-waits.ts";
import { staleEntries } from "./known-failing.ts";
import { headerFor, rowFor } from "./make-rows.ts";
import type { RunOptions } from "./run-options.ts";
import { footerFor } from "./overall-verdict.ts";
import type { CaseRow, Report, ReportRow } from "./report-rows.ts";
import { obstacle, runCase, TOOK_TOO_LONG, type CaseLimits, type CaseOutcome } from "./run-case.ts";
import { loadSignal } from "../oracle/load-signal.ts";
import { selectCases } from "./select-cases.ts";
import { openSession } from "./open-session.ts";
import type { Session } from "./session.ts";

const CASE_TIMEOUT_MS = 120_000;
/** A case that waits for a TTL of its own accord, or fills an index. */
const SLOW_CASE_TIMEOUT_MS = 3_600_000;
const MOST_CHANGES_IN_A_CASE = 24;
const MOST_REQUESTS_IN_A_CASE = 1_000;
/** The second begins like the first: joined with a salt without a mark between them, two pairs look alike. */
const MODELS = ["org/Model-a", "org/Model-ab"];

/** @throws {OperationalError} USAGE when nothing is selected; ADAPTER_FAILED when the router cannot be started */
export async function runCases(options: RunOptions): Promise<Report> {
  const { seed = 1, catalogue = CASES, knownFailing = [], onEvent } = options;
  const startedMs = performance.now();
  const selected = new Set(selectCases(catalogue, options.only));
  const emit = (row: ReportRow, evidence?: () => Evidence): void =>
    onEvent?.({ type: "row", row, ...(evidence === undefined ? {} : { evidence }) });
  const header = headerFor(options, catalogue, seed);
  emit(header);
  const outcomes = new Map<string, CaseRow>();
  let isOver = false;
  const put = (each: Case, outcome: CaseOutcome, durationMs = 0): void => {
    if (isOver) return;
    const { attachedBy, slow = false } = options;
    const row = rowFor(each, outcome, durationMs, { seed, slow, knownFailing, attachedBy });
    outcomes.set(each.id, row);
    emit(row, outcome.evidence);
  };
  for (const each of catalogue) {
    if (!selected.has(each)) put(each, { verdict: "skipped", reason: "not-selected" });
  }
  const order = orderOf([...selected], options, seed);
  const error = await Promise.race([runAll(order, options, seed, startedMs, put), aborted(options.now)]);
  for (const each of order) {
    if (!outcomes.has(each.id)) put(each, { verdict: "not-run", reason: "interrupted" });
  }
  isOver = true;
  const rows = catalogue.flatMap(({ id }) => outcomes.get(id) ?? []);
  const verdicts = new Map<string, Verdict>(rows.map(({ id, verdict }) => [id, verdict]));
  const footer = footerFor(rows, {
    strict: options.strict === true,
    stale: staleEntries(knownFailing, catalogue, verdicts),
    durationMs: performance.now() - startedMs,
    error,
  });
  emit(footer);
  return { header, cases: rows, footer };
}

function aborted(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(undefined), { once: true }));
}

function orderOf(cases: Case[], { shuffle, adapter }: RunOptions, seed: number): readonly Case[] {
  if (shuffle === true) return new Random(seed).stream("order").shuffle(cases);
  return adapter.settle === undefined ? cases : withFewestWaits(cases);
}

type Put = (each: Case, outcome: CaseOutcome, durationMs?: number) => void;

/** Resolves to what ended the run early, when something outside the router did. */
async function runAll(
  order: readonly Case[],
  options: RunOptions,
  seed: number,
  startedMs: number,
  put: Put,
): Promise<string | undefined> {
  const { adapter, signal, maxTimeMs = Infinity, isolation = "L0", slow = false } = options;
  let session: Session;
  try {
    session = await openSession({ adapter, seed, models: MODELS, signal });
  } catch (cause) {
    const interrupted = signal?.aborted === true;
    for (const each of order)
      put(each, { verdict: "not-run", reason: interrupted ? "interrupted" : "router-did-not-start" });
    return interrupted ? undefined : (cause as Error).message;
  }
  let done = 0;
  try {
    let used = false;
    let broken = false;
    for (const [index, each] of order.entries()) {
      done = index;
      if (signal?.aborted === true || performance.now() - startedMs > maxTimeMs) {
        put(each, { verdict: "not-run", reason: signal?.aborted === true ? "interrupted" : "time-is-up" });
        continue;
      }
      const inTheWay = obstacle(each, adapter, session, slow);
      if (inTheWay !== undefined) {
        put(each, inTheWay);
        continue;
      }
      options.onEvent?.({ type: "begin", id: each.id, index, total: order.length });
      const beganMs = performance.now();
      if (broken || (used && isolation === "L2")) await session.restart();
      else if (used && isolation === "L1") await session.refreshPods();
      used = true;
      const outcome = await runWithin(
        each,
        session,
        seed,
        { timeoutMs: limitMs(each, session, adapter), signal },
        startedMs + maxTimeMs,
      );
      broken = outcome.broken === true;
      put(each, outcome, performance.now() - beganMs);
    }
    return undefined;
  } catch (cause) {
    const interrupted = signal?.aborted === true;
    for (const each of order.slice(done))
      put(each, { verdict: "not-run", reason: interrupted ? "interrupted" : "run-broke-off" });
    return interrupted ? undefined : (cause as Error).message;
  } finally {
    await session.close();
  }
}

/** A case that is under way when the time of the whole run is up did not take too long: it was not run. */
async function runWithin(
  each: Case,
  session: Session,
  seed: number,
  { timeoutMs, signal }: CaseLimits,
  upAtMs: number,
): Promise<CaseOutcome> {
  const leftMs = Math.max(0, upAtMs - performance.now());
  const outcome = await runCase(each, session, seed, { timeoutMs: Math.min(timeoutMs, leftMs), signal });
  const cutShort = outcome.reason === TOOK_TOO_LONG && leftMs < timeoutMs;
  return cutShort ? { verdict: "not-run", reason: "time-is-up", broken: true } : outcome;
}

function limitMs({ needs }: Case, session: Session, adapter: RouterAdapter): number {
  const drainsWindow = needs.drains === true && loadSignal(adapter.profile)?.windowMs !== undefined;
  const waits = !session.canAdvance && (needs.clockMs !== undefined || drainsWindow);
  if (needs.slow === true || needs.waitMs !== undefined || waits) return SLOW_CASE_TIMEOUT_MS;
  const patienceMs = MOST_CHANGES_IN_A_CASE * changeMs(adapter) + MOST_REQUESTS_IN_A_CASE * session.requestMs;
  return CASE_TIMEOUT_MS + patienceMs;
}

/** What a change of pods may take until the router has taken note of it and its rule holds again. */
function changeMs({ profile, settle }: RouterAdapter): number {
  return (profile.discovery?.convergenceMs ?? 0) + (settle?.afterAddMs ?? 0);
}
