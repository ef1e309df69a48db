/**
 * When may the kit take for granted that the router has noticed every end?
 *
 * The client sees the last byte of an answer before the router has done its accounts, and nothing on the wire says when it
 * has: not the next answer (another thread may give it), not the pod's side (it is told even earlier). Only the router
 * itself can prove it, by a gauge of requests under way that is back to what the kit holds open. Where none is declared,
 * or the gauge never gets there (a router that leaks, which is for a case to find), all that a black box leaves is to wait
 * a moment, and to grant the router that the latest ends were missed: the oracle does.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parsePrometheusText, type Sample } from "../../fixtures/wire/prometheus-text.ts";
import type { RouterView } from "./http-facilities.ts";
import { LATE_NOTICE_MS } from "../oracle/late-notice.ts";

const PROOF_MS = 250;
const FIRST_PAUSE_MS = 1;

/** Resolves to whether it was proven. `heldCount` requests are open on purpose. */
export async function untilQuiet(router: RouterView, heldCount: number, nowMs: () => number): Promise<boolean> {
  const gauge = router.observe.metrics?.inFlight?.name;
  const proven = gauge !== undefined && (await comesTo(heldCount, gauge, router, nowMs));
  if (!proven) await sleep(LATE_NOTICE_MS);
  return proven;
}

async function comesTo(wanted: number, gauge: string, router: RouterView, nowMs: () => number): Promise<boolean> {
  const deadline = nowMs() + PROOF_MS;
  for (let pauseMs = FIRST_PAUSE_MS; nowMs() < deadline; pauseMs *= 2) {
    const page = await router.metricsPage();
    if (page === undefined) return false;
    if (sumOf(page, gauge) === wanted) return true;
    await sleep(pauseMs);
  }
  return false;
}

/** Undefined when the page has no such series, or is no page. */
function sumOf(page: string, name: string): number | undefined {
  let samples: readonly Sample[];
  try {
    samples = parsePrometheusText(page).flatMap((family) => family.samples.filter((sample) => sample.name === name));
  } catch {
    return undefined;
  }
  return samples.length === 0 ? undefined : samples.reduce((sum, { value }) => sum + value, 0);
}
