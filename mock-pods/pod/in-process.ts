/** A pod in this process, without a port: for clients whose `fetch` can be pointed at it. Works in browsers too. */
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { PodCore } from "./pod-core.ts";
import { podSettings, DEFAULT_MODEL } from "../arguments/pod-settings.ts";
import type { FleetOptions, InProcessPod } from "./pod.ts";
import { RealTimeDriver } from "../drivers/real-time-driver.ts";

export interface PodOptions extends Pick<FleetOptions, "model" | "speed" | "seed" | "flags"> {
  /** Profile name; default `a6000`. */
  readonly profile?: string;
  /** Default: the profile's short name. */
  readonly name?: string;
}

/** @throws OperationalError USAGE or UNKNOWN_PROFILE */
export function createPod({ profile = "a6000", name, model, speed, seed, flags }: PodOptions = {}): InProcessPod {
  return new PodCore({
    name: name ?? profile.replace(/-monotone$/, ""),
    settings: podSettings(profile, model ?? DEFAULT_MODEL, flags ?? {}),
    tokenizer: cl100k,
    driver: new RealTimeDriver(speed),
    seed: seed ?? 0,
  });
}
