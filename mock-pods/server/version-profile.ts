/**
 * What differs on the wire between vLLM's versions: one object a version. 0.32 is held to a recording; the others follow
 * their sources and change logs (0.7.2, 0.10.0, 0.28.0). Metric names and KV events have profiles of their own.
 */
import { OperationalError } from "../../fixtures/operational-error.ts";

export interface VersionProfile {
  /** As `/version` tells it. */
  readonly release: string;
  /** Flat until 0.10.1 (#22099). */
  readonly errorShape: "flat" | "nested";
  /** Whether a 404 lists the served names, and names its parameter. */
  readonly unknownModel: "bare" | "with-parameter" | "with-aliases";
  /** 0.29 cuts `max_tokens` to what is left; before, a prompt and an answer that do not fit together are refused. */
  readonly cutsMaxTokens: boolean;
  /** Since April 2026. */
  readonly fingerprint: boolean;
  /** Keys that answers had before `token_ids`, `service_tier` and their kind came. */
  readonly answerKeys: "0.7" | "now";
  /** Paths that came later. */
  readonly missingPaths: readonly string[];
}

const LATE_PATHS = ["/kv_event_sources"];
const EARLY_PATHS = [...LATE_PATHS, "/load", "/pause", "/resume", "/is_paused", "/sleep", "/wake_up", "/is_sleeping"];

export const VERSION_PROFILES = {
  "0.7": {
    release: "0.7.2",
    errorShape: "flat",
    unknownModel: "bare",
    cutsMaxTokens: false,
    fingerprint: false,
    answerKeys: "0.7",
    missingPaths: EARLY_PATHS,
  },
  "0.10": {
    release: "0.10.0",
    errorShape: "flat",
    unknownModel: "bare",
    cutsMaxTokens: false,
    fingerprint: false,
    answerKeys: "0.7",
    missingPaths: [...LATE_PATHS, "/pause", "/resume", "/is_paused"],
  },
  "0.28": {
    release: "0.28.0",
    errorShape: "nested",
    unknownModel: "with-parameter",
    cutsMaxTokens: false,
    fingerprint: true,
    answerKeys: "now",
    missingPaths: LATE_PATHS,
  },
  "0.32": {
    release: "0.32.0",
    errorShape: "nested",
    unknownModel: "with-aliases",
    cutsMaxTokens: true,
    fingerprint: true,
    answerKeys: "now",
    missingPaths: [],
  },
} as const satisfies Record<string, VersionProfile>;

/** @throws {OperationalError} USAGE */
export function versionProfile(name: string): VersionProfile {
  const found = (VERSION_PROFILES as Record<string, VersionProfile>)[name];
  if (found !== undefined) return found;
  const known = Object.keys(VERSION_PROFILES).join(", ");
  throw new OperationalError("USAGE", `vllm-version "${name}"; there are ${known}`);
}
