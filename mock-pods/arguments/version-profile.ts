/**
 * What differs on the wire between vLLM's versions: one object a version. 0.32, 0.28 and 0.10 are held to recordings; 0.7
 * follows its sources (0.7.2), as do metrics and KV events of 0.28.
 */
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { KvEventFormat } from "../../fixtures/wire/kv-events.ts";
import { REQUESTS, REQUESTS_0_10, REQUESTS_0_7, type RequestReaders } from "../../fixtures/wire/request-readers.ts";
import {
  METRICS_0_10,
  METRICS_0_28,
  METRICS_0_32,
  METRICS_0_7,
  type MetricsProfile,
} from "../metrics/version-metrics.ts";

export interface VersionProfile {
  /** As `/version` tells it. */
  readonly release: string;
  /** Flat, and without parameters, until 0.10.1 (#22099). */
  readonly errorShape: "flat" | "nested";
  readonly requests: RequestReaders;
  /** How validation names places and inputs: dotted and described, as Python's own tuples and values, or as one list of them. */
  readonly wrongFields: "list" | "tuples" | "dotted";
  /** What kind of error wrong fields are. */
  readonly wrongFieldsType: "BadRequestError" | "Bad Request";
  /** Whether a 404 lists the served names, and names its parameter. */
  readonly unknownModel: "bare" | "with-parameter" | "with-aliases";
  /**
   * A prompt and an answer that do not fit together: refused in the words of 2024 or in those of March 2026 (#36197); from
   * 0.29 on the answer is cut to what is left.
   */
  readonly tooLong: "refused-2024" | "refused-2026" | "cut";
  /** Since April 2026. */
  readonly fingerprint: boolean;
  /** Keys that answers had before `token_ids`, `service_tier` and their kind came. */
  readonly answerKeys: "0.7" | "0.10" | "now";
  /** Whether an answer's usage tells that nothing was cached. */
  readonly zeroCached: "told" | "left-out";
  /** The name in an answer to a request for an alias. */
  readonly answersAs: "asked" | "served";
  /** Whether answers carry a load report when asked for one. */
  readonly loadReports: boolean;
  /** Templates and media options in requests, without a flag for them. */
  readonly trustsRequests: boolean;
  /** How prompts are judged and refused: 0.7's way, that of before 0.11, and today's. */
  readonly prompts: "2024" | "2025" | "now";
  readonly sampling: SamplingRules;
  /** Methods of `/ping`, by route. */
  readonly pingRoutes: readonly (readonly ("GET" | "POST")[])[];
  /** Starlette's, of then: a preflight's `vary`, `QUERY`, private networks; cookies. */
  readonly cors: "2025" | "now";
  /** Without the flag; the engine V0 left it off. */
  readonly prefixCaching: boolean;
  /** Hex digits in the ids of answers and permissions. */
  readonly idDigits: 16 | 32;
  /** Which origins may ask without `--allowed-origins`. */
  readonly origins: "all" | "none";
  /** Whether `/sleep`, `/wake_up` and, before it could fail, `/reset_prefix_cache` say what they did. */
  readonly devAnswers: "empty" | "reset-only" | "json";
  /** Whether `/render` and its kin answer without `--enable-scale-out`. */
  readonly scaleOut: "absent" | "always" | "by-flag";
  /** `--max-num-queued-reqs` and `--max-num-queued-tokens` came with 0.29. */
  readonly queueCaps: boolean;
  /** Paths that came later. */
  readonly missingPaths: readonly string[];
  readonly metrics: MetricsProfile;
  /** Without the flag, as `/metrics` shows it; the capacity of a card is computed with the profile's. */
  readonly gpuMemoryUtilization: number;
  /** Absent before 0.9; maps from 0.23 on (#42892), arrays before. */
  readonly kvEvents: KvEventFormat | undefined;
}

/** What versions say differently about sampling parameters. */
export interface SamplingRules {
  /** `VLLM_MAX_N_SEQUENCES`. */
  readonly mostSamples: number;
  readonly highestTemperature: number;
  /** Keys of `logit_bias` that are no numbers: all of them, or the first in Python's words. */
  readonly wrongKeys: "all" | "first";
  readonly highestRepetitionPenalty: number;
  /** What switches `top_k` off. */
  readonly noTopK: 0 | -1;
  /** Who looks at ids and counts of alternatives: the engine V0, for which the tokenizer's vocabulary was all there is. */
  readonly judge: "V0" | "V1";
  /** A priority is refused by a scheduler without them. */
  readonly refusesPriorities: boolean;
}

export const SAMPLING_RULES: SamplingRules = {
  mostSamples: 16384,
  highestTemperature: 2,
  wrongKeys: "all",
  highestRepetitionPenalty: Infinity,
  noTopK: 0,
  judge: "V1",
  refusesPriorities: false,
};
const SAMPLING_0_10: SamplingRules = {
  ...SAMPLING_RULES,
  mostSamples: Infinity,
  highestTemperature: Infinity,
  wrongKeys: "first",
};
const SAMPLING_0_7: SamplingRules = {
  ...SAMPLING_0_10,
  highestRepetitionPenalty: 2,
  noTopK: -1,
  judge: "V0",
  refusesPriorities: true,
};

const LATE_PATHS = ["/kv_event_sources", "/abort_requests", "/invocations"];
const PAUSE_PATHS = ["/pause", "/resume", "/is_paused"];
const CACHE_PATHS = ["/reset_mm_cache", "/reset_encoder_cache", "/get_world_size", "/weight_info"];
const EARLY_PATHS = ["/load", "/sleep", "/wake_up", "/is_sleeping", "/server_info"];

export const VERSION_PROFILES = {
  "0.7": {
    release: "0.7.2",
    errorShape: "flat",
    requests: REQUESTS_0_7,
    wrongFields: "list",
    wrongFieldsType: "BadRequestError",
    unknownModel: "bare",
    tooLong: "refused-2024",
    fingerprint: false,
    answerKeys: "0.7",
    zeroCached: "left-out",
    answersAs: "asked",
    loadReports: false,
    trustsRequests: true,
    prompts: "2024",
    sampling: SAMPLING_0_7,
    pingRoutes: [["POST", "GET"]],
    cors: "2025",
    prefixCaching: false,
    idDigits: 32,
    origins: "all",
    devAnswers: "empty",
    scaleOut: "absent",
    queueCaps: false,
    missingPaths: [...LATE_PATHS, ...PAUSE_PATHS, ...CACHE_PATHS, ...EARLY_PATHS, "/is_scaling_elastic_ep"],
    metrics: METRICS_0_7,
    gpuMemoryUtilization: 0.9,
    kvEvents: undefined,
  },
  "0.10": {
    release: "0.10.0",
    errorShape: "flat",
    requests: REQUESTS_0_10,
    wrongFields: "list",
    wrongFieldsType: "Bad Request",
    unknownModel: "bare",
    tooLong: "refused-2024",
    fingerprint: false,
    answerKeys: "0.10",
    zeroCached: "left-out",
    answersAs: "asked",
    loadReports: false,
    trustsRequests: true,
    prompts: "2025",
    sampling: SAMPLING_0_10,
    pingRoutes: [["POST"], ["GET"]],
    cors: "2025",
    prefixCaching: true,
    idDigits: 32,
    origins: "all",
    devAnswers: "empty",
    scaleOut: "absent",
    queueCaps: false,
    missingPaths: [...LATE_PATHS, ...PAUSE_PATHS, ...CACHE_PATHS],
    metrics: METRICS_0_10,
    gpuMemoryUtilization: 0.9,
    kvEvents: "array",
  },
  "0.28": {
    release: "0.28.0",
    errorShape: "nested",
    requests: REQUESTS,
    wrongFields: "tuples",
    wrongFieldsType: "Bad Request",
    unknownModel: "with-parameter",
    tooLong: "refused-2026",
    fingerprint: true,
    answerKeys: "now",
    zeroCached: "told",
    answersAs: "served",
    loadReports: true,
    trustsRequests: false,
    prompts: "now",
    sampling: SAMPLING_RULES,
    pingRoutes: [["GET"], ["POST"]],
    cors: "now",
    prefixCaching: true,
    idDigits: 32,
    origins: "all",
    devAnswers: "reset-only",
    scaleOut: "always",
    queueCaps: false,
    missingPaths: ["/kv_event_sources"],
    metrics: METRICS_0_28,
    gpuMemoryUtilization: 0.92,
    kvEvents: "map",
  },
  "0.32": {
    release: "0.32.0",
    errorShape: "nested",
    requests: REQUESTS,
    wrongFields: "dotted",
    wrongFieldsType: "Bad Request",
    unknownModel: "with-aliases",
    tooLong: "cut",
    fingerprint: true,
    answerKeys: "now",
    zeroCached: "told",
    answersAs: "served",
    loadReports: true,
    trustsRequests: false,
    prompts: "now",
    sampling: SAMPLING_RULES,
    pingRoutes: [["GET"], ["POST"]],
    cors: "now",
    prefixCaching: true,
    idDigits: 16,
    origins: "none",
    devAnswers: "json",
    scaleOut: "by-flag",
    queueCaps: true,
    missingPaths: [],
    metrics: METRICS_0_32,
    gpuMemoryUtilization: 0.92,
    kvEvents: "map",
  },
} as const satisfies Record<string, VersionProfile>;

/** `flag` is the value of `--vllm-version`. @throws {OperationalError} USAGE */
export function versionProfile(flag: string | number | boolean = "0.32"): VersionProfile {
  const found = (VERSION_PROFILES as Record<string, VersionProfile>)[String(flag)];
  if (found !== undefined) return found;
  const known = Object.keys(VERSION_PROFILES).join(", ");
  throw new OperationalError("USAGE", `vllm-version "${String(flag)}"; there are ${known}`);
}
