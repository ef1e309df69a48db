/** `a6000:4,v100:2`: which cards a fleet has, and how many. */
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { PodGroup } from "../pod/pod.ts";

const MOST_PODS = 10_000;

/** @throws OperationalError USAGE or UNKNOWN_PROFILE, naming what is wrong */
export function parsePodGroups(pods: string | readonly PodGroup[]): readonly PodGroup[] {
  if (typeof pods !== "string" && !Array.isArray(pods)) {
    throw usage(`pods ${JSON.stringify(pods)}; give "a6000:4,v100:2", or [{ profile: "a6000", count: 4 }]`);
  }
  const groups = typeof pods === "string" ? pods.split(",").map((text) => parseGroup(text.trim(), pods)) : pods;
  for (const { profile, count } of groups) {
    loadProfile(profile);
    if (!Number.isInteger(count) || count < 1) throw usage(`${count} pods of "${profile}"; give a whole number from 1`);
  }
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) throw usage("a fleet needs at least one pod");
  if (total > MOST_PODS) throw usage(`${total} pods; at most ${MOST_PODS}`);
  return groups;
}

function parseGroup(text: string, whole: string): PodGroup {
  const match = /^([a-z0-9-]+)(?::(\d+))?$/.exec(text);
  if (match === null) throw usage(`cannot read pods "${whole}"; write PROFILE:COUNT,..., as a6000:4,v100:2`);
  return { profile: match[1] ?? "", count: Number(match[2] ?? 1) };
}

function usage(message: string): OperationalError {
  return new OperationalError("USAGE", message);
}
