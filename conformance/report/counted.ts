/** How many cases came out how, and which pods a list has, in words that every report shares. */
import type { Verdict } from "../judgement.ts";
import type { FooterRow } from "../runner/report-rows.ts";

interface Counted {
  readonly verdict: Verdict;
  readonly count: number;
  /** Of these, failures that are known; 0 for every other verdict. */
  readonly known: number;
}

/** In the footer's order; verdicts that no case had are left out. */
export function counted({ counts, knownFailing }: FooterRow): readonly Counted[] {
  return Object.entries(counts).map(([verdict, count]) => ({
    verdict: verdict as Verdict,
    count,
    known: verdict === "fail" ? knownFailing : 0,
  }));
}

/** A long list by how often each pod is in it. */
export function listed(pods: readonly string[]): string {
  if (pods.length === 0) return "none";
  if (pods.length <= 6) return pods.join(", ");
  return [...Map.groupBy(pods, (pod) => pod)].map(([pod, all]) => `${pod} (${all.length} times)`).join(", ");
}
