/** Measures a router in front of mock pods: what a profile would have to say, and what a declared one says wrongly. */
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS } from "../case.ts";
import type { Lab } from "../lab.ts";
import type { RouterProfile } from "../router-profile.ts";
import { openSession } from "../runner/open-session.ts";
import { measureCold } from "./cold.ts";
import { contradictions, type Contradiction } from "./contradictions.ts";
import { Driver } from "./driver.ts";
import { measureGate } from "./gate.ts";
import { measureMatch } from "./threshold.ts";
import { Trials } from "./trials.ts";

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
  readonly onStage?: (stage: string) => void;
}

/** @throws {OperationalError} when the router cannot be started: never a finding */
export async function probeRouter({ adapter, seed, onStage }: ProbeOptions): Promise<ProbeReport> {
  const startedMs = performance.now();
  const session = await openSession({ adapter, seed, models: ["model-a"] });
  try {
    const pods = session.fixedPods ?? DEFAULT_PODS;
    const lab = await session.lab({ id: "PROBE", needs: { transport: "any", pods } }, seed);
    const measured = await measure(lab, adapter.profile, onStage);
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
  onStage: (stage: string) => void = () => {},
): Promise<Measured> {
  const driver = new Driver(lab);
  onStage("cold prompts");
  const { cold, load, spread } = await measureCold(driver);
  onStage("threshold, comparison and unit");
  const rival = load === undefined ? "none" : load.signal === "window" ? "all" : "open";
  const { notes: matchNotes, ...matching } = await measureMatch(new Trials(driver, rival), lab.random);
  onStage("gate");
  const gated = matching.match !== undefined && load?.signal === "in-flight" ? await measureGate(driver) : undefined;
  const profile: RouterProfile = {
    ...matching,
    ...(cold && { cold }),
    ...(load && { load }),
    ...(gated?.gate !== undefined && { gate: gated.gate }),
  };
  const shares = Object.entries(spread).map(([pod, count]) => `${pod} ${count}`);
  return {
    profile,
    contradictions: contradictions(declared, profile, gated?.spills, lab.pods().length),
    notes: [
      { field: "cold", text: `fresh prompts, one after the other, idle: ${shares.join(", ")}` },
      ...matchNotes.map((text) => ({ field: "threshold", text })),
      ...(gated?.notes ?? []).map((text) => ({ field: "gate", text })),
    ],
    requests: driver.requests,
  };
}
