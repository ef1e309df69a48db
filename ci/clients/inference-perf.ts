import { join } from "node:path";
import { Type } from "typebox";
import { checker } from "../../fixtures/schema.ts";
import { LOAD, OFFLINE, type LoadClient } from "./load-client.ts";

const Mean = Type.Object({ mean: Type.Number() });
const Total = Type.Object({ total: Type.Number() });

const check = checker(
  Type.Object({
    successes: Type.Object({
      count: Type.Integer(),
      latency: Type.Object({ time_to_first_token: Mean, inter_token_latency: Mean }),
      prompt_tokens: Type.Object({ total: Type.Number(), cached: Type.Number() }),
      output_tokens: Total,
    }),
  }),
);

const PER_SECOND = 4;
const PREFIXES = 4;
const QUESTION_TOKENS = 64;

/** Completions by a fixed rate with shared prefixes. It counts the answer's tokens again by its own tokenizer. */
export const inferencePerf: LoadClient = {
  name: "inference-perf",
  environment: OFFLINE,
  reportFile: "out/stage_0_lifecycle_metrics.json",
  files: ({ url, model, tokenizer, folder }) => ({
    // JSON is YAML, too.
    "config.yml": JSON.stringify({
      api: { type: "completion", streaming: true },
      data: {
        type: "shared_prefix",
        shared_prefix: {
          num_groups: PREFIXES,
          num_prompts_per_group: LOAD.requests / PREFIXES,
          system_prompt_len: LOAD.promptTokens - QUESTION_TOKENS,
          question_len: QUESTION_TOKENS,
          output_len: LOAD.outputTokens,
        },
      },
      load: {
        type: "constant",
        num_workers: 1,
        worker_max_concurrency: 4 * LOAD.streams,
        stages: [{ rate: PER_SECOND, duration: LOAD.requests / PER_SECOND }],
      },
      server: { type: "vllm", model_name: model, base_url: url, ignore_eos: true },
      tokenizer: { pretrained_model_name_or_path: tokenizer },
      storage: { local_storage: { path: join(folder, "out") } },
      report: { request_lifecycle: { summary: true, per_stage: true } },
    }),
  }),
  argv: ({ folder }) => ["-c", join(folder, "config.yml")],
  read: (report) => {
    const { count, latency, prompt_tokens, output_tokens } = check(report, "inference-perf").successes;
    return {
      requests: count,
      promptTokens: prompt_tokens.total,
      outputTokens: output_tokens.total,
      cachedTokens: prompt_tokens.cached,
      ttftMs: latency.time_to_first_token.mean * 1000,
      perTokenMs: latency.inter_token_latency.mean * 1000,
    };
  },
};
