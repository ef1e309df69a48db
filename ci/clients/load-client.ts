/** A load generator as other people wrote it: how it is started, and where in its report the figures stand. */

/** What a client says of its run. Times are means over requests, in milliseconds. */
export interface Figures {
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Prompt tokens that the prefix cache had; absent where a client does not report them. */
  readonly cachedTokens?: number;
  readonly ttftMs: number;
  /** Between tokens: the first one is not in it. */
  readonly perTokenMs: number;
}

export interface Target {
  readonly url: string;
  readonly model: string;
  /** Folder with tokenizer.json, the pods' own. */
  readonly tokenizer: string;
  /** An empty folder for whatever the client wants to read or write. */
  readonly folder: string;
}

export interface LoadClient {
  /** Of the package and of its command. */
  readonly name: string;
  /** Files it is to find in its folder: names and contents. */
  readonly files?: (target: Target) => Readonly<Record<string, string>>;
  readonly argv: (target: Target) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Within its folder. */
  readonly reportFile: string;
  /** @throws OperationalError FILE_INVALID when the report has another shape than the pinned version's */
  readonly read: (report: unknown) => Figures;
}

/** What each client is asked to do, in its own words. */
export const LOAD = { streams: 4, requests: 32, promptTokens: 1024, outputTokens: 32 } as const;

/** Nobody may look for a tokenizer or a model on a hub, nor send loopback traffic through a proxy. */
export const OFFLINE = { HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1", NO_PROXY: "127.0.0.1" } as const;

/** Options and their values as words of a command line. */
export function flags(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [name, String(value)]);
}
