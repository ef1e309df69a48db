import { Type } from "typebox";
import { checker } from "../../fixtures/schema.ts";
import { flags, LOAD, OFFLINE, type LoadClient } from "./load-client.ts";

const Average = Type.Object({ avg: Type.Number() });

const check = checker(
  Type.Object({
    request_count: Average,
    total_usage_prompt_tokens: Average,
    total_usage_completion_tokens: Average,
    total_usage_prompt_cache_read_tokens: Average,
    time_to_first_token: Average,
    inter_token_latency: Average,
  }),
);

const PREFIX_TOKENS = LOAD.promptTokens / 2;

/** Chats with a few shared prefixes; scrapes `/metrics` meanwhile; reads usage from every chunk. */
export const aiperf: LoadClient = {
  name: "aiperf",
  // With the hub switched off, 0.13.0 takes a folder for a name on it and stops; switched on, a folder needs no network.
  environment: { NO_PROXY: OFFLINE.NO_PROXY },
  reportFile: "profile_export_aiperf.json",
  argv: ({ url, model, tokenizer, folder }) => [
    "profile",
    "--streaming",
    "--use-server-token-count",
    "--per-chunk-usage",
    ...flags({
      "-m": model,
      "-u": url,
      "--tokenizer": tokenizer,
      "--endpoint-type": "chat",
      "--concurrency": LOAD.streams,
      "--request-count": LOAD.requests,
      "--prefix-prompt-length": PREFIX_TOKENS,
      "--prefix-prompt-pool-size": 4,
      "--synthetic-input-tokens-mean": LOAD.promptTokens - PREFIX_TOKENS,
      "--output-tokens-mean": LOAD.outputTokens,
      "--extra-inputs": "ignore_eos:true",
      "--ui-type": "none",
      "--artifact-dir": folder,
    }),
  ],
  read: (report) => {
    const figures = check(report, "aiperf");
    return {
      requests: figures.request_count.avg,
      promptTokens: figures.total_usage_prompt_tokens.avg,
      outputTokens: figures.total_usage_completion_tokens.avg,
      cachedTokens: figures.total_usage_prompt_cache_read_tokens.avg,
      ttftMs: figures.time_to_first_token.avg,
      perTokenMs: figures.inter_token_latency.avg,
    };
  },
};
