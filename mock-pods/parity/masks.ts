/**
 * What is left out of a comparison with a real vLLM: only what a model or a clock decides. Everything else must be equal.
 */

/** Values of headers that differ between any two answers. */
export const MASKED_HEADERS: Readonly<Record<string, RegExp>> = {
  date: /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
  // An id that the client sent is echoed, and compared.
  "x-request-id": /^[0-9a-f]{32}$/,
};

/** An addition of ours: no vLLM sends it. */
export const ADDED_HEADERS: ReadonlySet<string> = new Set(["x-inference-pod"]);

/** A body's value by its key. The second argument is what the request asked for. */
export const MASKED_KEYS: Readonly<Record<string, (value: unknown, asked: Asked) => unknown>> = {
  // Ids that vLLM makes; one that the client sent is compared.
  id: (value) =>
    String(value).replace(
      /^(cmpl-|chatcmpl-|modelperm-|chatcmpl-tool-|resp_|msg_|fc_|ctc_|rs_|generative-scoring-)([0-9a-f]{16}){1,2}$/,
      "$1<id>",
    ),
  request_id: (value) =>
    String(value).replace(/^(cmpl-|chatcmpl-|generate-tokens-|resp_)(?:[0-9a-f]{16}){1,2}(-\d+)?$/, "$1<id>$2"),
  item_id: () => "<id>",
  call_id: (value) => String(value).replace(/^(chatcmpl-tool-)[0-9a-f]{16}$/, "$1<id>"),
  output_messages: (value) => (value as { tokens: unknown }[]).map((message) => ({ ...message, message: "<text>" })),
  created: () => "<time>",
  created_at: () => "<time>",
  // A port of the system's choosing.
  replay_endpoint: (value) => String(value).replace(/^(tcp:\/\/127\.0\.0\.1):\d+$/, "$1:<port>"),
  // A hash of the server's configuration.
  system_fingerprint: (value) => String(value).replace(/^(vllm-[0-9.]+)-[0-9a-f]{8}$/, "$1-<hash>"),
  // What the model says: only that it says something, and what it repeats of the prompt.
  text: (value, asked) => spoken(value, asked),
  content: (value, asked) => spoken(value, asked),
  delta: (value, asked) => spoken(value, asked),
  token_ids: (value, asked) => (Array.isArray(value) && !asked.ownIds ? `<${value.length} ids>` : value),
  text_offset: (value) => counted(value),
  token_logprobs: (value) => counted(value),
  tokens: (value, asked) => (asked.tokenizes ? value : counted(value)),
  top_logprobs: (value) => (Array.isArray(value) ? `<${value.length} alternatives>` : value),
  // By token, in an order that says nothing; the prompt's own token is beside the likeliest, or among them.
  prompt_logprobs: (value) =>
    Array.isArray(value)
      ? value.map((entry: object | null) => entry && [...new Set(Object.values(entry).map(keysOf))])
      : value,
  score: () => "<score>",
  token_id: () => "<token>",
  token: () => "<token>",
  logprob: () => "<logprob>",
  rank: () => "<rank>",
  bytes: () => "<bytes>",
};

export interface Asked {
  /** Text that the answer repeats before the model's own. */
  readonly echoed: string;
  /** The answer has no words of the model's. */
  readonly silent: boolean;
  /** Its token ids are the tokenizer's, not the model's. */
  readonly ownIds: boolean;
  readonly tokenizes: boolean;
}

function spoken(value: unknown, { echoed, silent }: Asked): unknown {
  if (typeof value !== "string" || silent) return value;
  return echoed !== "" && value.startsWith(echoed) ? `${echoed}<text>` : "<text>";
}

function keysOf(value: object): string {
  return Object.keys(value).join();
}

function counted(value: unknown): unknown {
  return Array.isArray(value) ? `<${value.length}>` : value;
}
