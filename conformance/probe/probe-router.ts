/** Measures a router in front of mock pods: what a profile would have to say, and what a declared one says wrongly. */
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS } from "../case.ts";
import type { Lab } from "../lab.ts";
import type { RouterProfile } from "../router-profile.ts";
import { openSession } from "../runner/open-session.ts";
import { measureCold } from "./cold.ts";
import { contradictions, type Contradiction } from "./contradictions.ts";
import { Driver } from "./driver.ts";
import { measureExploration } from "./exploration.ts";
import { measureGate } from "./gate.ts";
import { measureInsert } from "./insert.ts";
import { measureMatch } from "./threshold.ts";
import { Trials } from "./trials.ts";
import { measureOwners } from "./owners.ts";
import { measureTtl, type TtlMeasure } from "./ttl.ts";

export interface ProbeReport {
  readonly router: { readonly name: string; readonly version: string };
  readonly seed: number;
  /** What was measured; what could not be is left out. */
  readonly profile: RouterProfile;
  readonly declared: RouterProfile;
  readonly contradictions: readonly Contradiction[];
  /** What was seen, by field of the profile. */
  readonly notes: readonly { readonly field: string; readonly text: string }[];
  readonly requests: number;
  readonly durationMs: number;
}

export interface ProbeOptions {
  readonly adapter: RouterAdapter;
  readonly seed: number;
  /** Also measures how long prompts are remembered, which may take a quarter of an hour. */
  readonly slow?: boolean;
  readonly onStage?: (stage: string) => void;
}

/** @throws {OperationalError} when the router cannot be started: never a finding */
export async function probeRouter({ adapter, seed, slow = false, onStage }: ProbeOptions): Promise<ProbeReport> {
  const startedMs = performance.now();
  const session = await openSession({ adapter, seed, models: ["model-a"] });
  try {
    const pods = session.fixedPods ?? DEFAULT_PODS;
    const lab = await session.lab({ id: "PROBE", needs: { transport: "any", pods } }, seed);
    const measured = await measure(lab, adapter.profile, { slow, ...(onStage && { onStage }) });
    await session.end(lab);
    const { name, version } = adapter;
    const durationMs = Math.round(performance.now() - startedMs);
    return { router: { name, version }, seed, declared: adapter.profile, ...measured, durationMs };
  } finally {
    await session.close();
  }
}

type Measured = Pick<ProbeReport, "profile" | "contradictions" | "notes" | "requests">;

/** For a lab in front of at least two pods. */
export async function measure(
  lab: Lab,
  declared: RouterProfile,
  { slow = false, onStage = () => {} }: Pick<ProbeOptions, "slow" | "onStage"> = {},
): Promise<Measured> {
  const driver = new Driver(lab);
  onStage("cold prompts");
  const { cold, load, spread } = await measureCold(driver);
  onStage("when prompts are learnt");
  const at = load?.signal === "in-flight" ? await measureInsert(driver) : undefined;
  if (at === "response") driver.waitForEnds();
  onStage("threshold, comparison and unit");
  const rival = load === undefined ? "none" : load.signal === "window" ? "all" : "open";
  const { notes: matchNotes, ...matching } = await measureMatch(new Trials(driver, rival), lab.random);
  onStage("gate");
  const steerable = matching.match !== undefined && load?.signal === "in-flight";
  const gated = steerable ? await measureGate(driver) : undefined;
  onStage("exploration");
  const strayed = await measureExploration(driver);
  onStage("owners of a prefix");
  const threshold = matching.threshold?.value ?? 0;
  const owners =
    steerable && gated?.gate === null && threshold > 0 ? await measureOwners(driver, threshold) : undefined;
  if (slow) onStage("how long prompts are remembered");
  const memory = steerable && slow ? await measureTtl(driver) : undefined;
  const profile: RouterProfile = {
    ...matching,
    ...(cold && { cold }),
    ...(load && { load }),
    ...(owners !== undefined && { owners }),
    ...(at && { insert: { at } }),
    ...(gated?.gate !== undefined && { gate: gated.gate }),
    ...(strayed && { exploration: strayed.exploration }),
    ...(memory?.ttlMs !== undefined && { evict: { kind: "ttl", ttlMs: memory.ttlMs } }),
  };
  const shares = Object.entries(spread).map(([pod, count]) => `${pod} ${count}`);
  return {
    profile,
    contradictions: contradictions(declared, profile, gated?.spills, lab.pods().length),
    notes: [
      { field: "cold", text: `fresh prompts, one after the other, idle: ${shares.join(", ")}` },
      ...matchNotes.map((text) => ({ field: "threshold", text })),
      ...(gated?.notes ?? []).map((text) => ({ field: "gate", text })),
      ...(strayed
        ? [{ field: "exploration", text: `${strayed.strays} of ${strayed.pairs} repeated prompts strayed` }]
        : []),
      ...(memory ? [{ field: "evict", text: describeMemory(memory) }] : []),
    ],
    requests: driver.requests,
  };
}

function describeMemory({ knownMs, forgottenMs }: TtlMeasure): string {
  const known = `prompts were known after ${knownMs / 1_000} s`;
  return forgottenMs === undefined ? `${known}, the longest tried` : `${known}, and not after ${forgottenMs / 1_000} s`;
}
