import { join } from "node:path";
import { Type } from "typebox";
import { checker } from "../../fixtures/schema.ts";
import { flags, LOAD, OFFLINE, type LoadClient } from "./load-client.ts";

const Distribution = Type.Object({ successful: Type.Object({ mean: Type.Number(), total_sum: Type.Number() }) });

const check = checker(
  Type.Object({
    benchmarks: Type.Array(
      Type.Object({
        metrics: Type.Object({
          request_totals: Type.Object({ successful: Type.Integer() }),
          prompt_token_count: Distribution,
          output_token_count: Distribution,
          time_to_first_token_ms: Distribution,
          /** Its `time_per_output_token_ms` has the first token in it. */
          inter_token_latency_ms: Distribution,
        }),
      }),
      { minItems: 1, maxItems: 1 },
    ),
  }),
);

/** Chats with content in parts; reads usage from every chunk. */
export const guidellm: LoadClient = {
  name: "guidellm",
  environment: OFFLINE,
  reportFile: "report.json",
  argv: ({ url, tokenizer, folder }) => [
    "run",
    "--disable-progress",
    ...flags({
      "--backend": `kind=openai_http,target=${url}`,
      "--profile": `kind=concurrent,streams=${LOAD.streams}`,
      "--constraint": `kind=max_requests,count=${LOAD.requests}`,
      "--tokenizer": `kind=huggingface_auto,model=${tokenizer}`,
      "--data": `kind=synthetic_text,prompt_tokens=${LOAD.promptTokens},output_tokens=${LOAD.outputTokens}`,
      "--output": `kind=json,path=${join(folder, "report.json")}`,
    }),
  ],
  read: (report) => {
    const [benchmark] = check(report, "guidellm").benchmarks;
    if (benchmark === undefined) throw new Error("unreachable: the schema wants one benchmark");
    const { metrics } = benchmark;
    return {
      requests: metrics.request_totals.successful,
      promptTokens: metrics.prompt_token_count.successful.total_sum,
      outputTokens: metrics.output_token_count.successful.total_sum,
      ttftMs: metrics.time_to_first_token_ms.successful.mean,
      perTokenMs: metrics.inter_token_latency_ms.successful.mean,
    };
  },
};
