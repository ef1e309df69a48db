/**
 * What differs on the wire between vLLM's versions: one object a version, one part of it for each layer. 0.32, 0.28 and
 * 0.10 are held to recordings; 0.7 follows its sources (0.7.2), as do metrics and KV events of 0.28.
 */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { REQUESTS, REQUESTS_0_10, REQUESTS_0_7, type RequestReaders } from "../../fixtures/wire/request-readers.ts";
import {
  METRICS_0_10,
  METRICS_0_28,
  METRICS_0_32,
  METRICS_0_7,
  type MetricsProfile,
} from "../metrics/version-metrics.ts";
import { ANSWERS, type AnswersProfile } from "./answers.ts";
import { CORS, type CorsProfile } from "./cors.ts";
import { ENGINES, type EngineProfile } from "./engine.ts";
import { ERRORS, type ErrorsProfile } from "./errors.ts";
import { PROMPTS, type PromptsProfile } from "./prompts.ts";
import { ROUTES, type RoutesProfile } from "./routes.ts";
import { SAMPLING, type SamplingProfile } from "./sampling.ts";
import type { ByVersion, Version } from "./version.ts";

export interface VersionProfile {
  /** As `/version` tells it. */
  readonly release: string;
  readonly routes: RoutesProfile;
  readonly cors: CorsProfile;
  readonly requests: RequestReaders;
  readonly prompts: PromptsProfile;
  readonly sampling: SamplingProfile;
  readonly answers: AnswersProfile;
  readonly errors: ErrorsProfile;
  readonly engine: EngineProfile;
  readonly metrics: MetricsProfile;
}

const RELEASES: ByVersion<string> = { "0.7": "0.7.2", "0.10": "0.10.0", "0.28": "0.28.0", "0.32": "0.32.0" };

const READERS: ByVersion<RequestReaders> = {
  "0.7": REQUESTS_0_7,
  "0.10": REQUESTS_0_10,
  "0.28": REQUESTS,
  "0.32": REQUESTS,
};

const METRICS: ByVersion<MetricsProfile> = {
  "0.7": METRICS_0_7,
  "0.10": METRICS_0_10,
  "0.28": METRICS_0_28,
  "0.32": METRICS_0_32,
};

/** `flag` is the value of `--vllm-version`. @throws {OperationalError} USAGE */
export function versionProfile(flag: string | number | boolean = "0.32"): VersionProfile {
  const version = String(flag);
  if (!isVersion(version)) {
    throw new OperationalError("USAGE", `vllm-version "${version}"; there are ${Object.keys(RELEASES).join(", ")}`);
  }
  return {
    release: RELEASES[version],
    routes: ROUTES[version],
    cors: CORS[version],
    requests: READERS[version],
    prompts: PROMPTS[version],
    sampling: SAMPLING[version],
    answers: ANSWERS[version],
    errors: ERRORS[version],
    engine: ENGINES[version],
    metrics: METRICS[version],
  };
}

function isVersion(text: string): text is Version {
  return Object.hasOwn(RELEASES, text);
}
