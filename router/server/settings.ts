/** What may be changed while the router runs. */
import type { LogLevel } from "./reporting/log.ts";

export interface LiveSettings {
  /** Of a request. Default 64 MiB. */
  maxBodyBytes: number;
  /** Further attempts a single request may have. Default 2. */
  maxRetries: number;
  /** When set, `/v1/...` wants it as a bearer token, as vLLM's `--api-key` does; it goes no further than the router. */
  apiKey: string | undefined;
  /** When set, the admin port wants it as a bearer token. */
  adminToken: string | undefined;
  logLevel: LogLevel;
}

export const DEFAULT_SETTINGS: Readonly<LiveSettings> = {
  maxBodyBytes: 64 * 2 ** 20,
  maxRetries: 2,
  apiKey: undefined,
  adminToken: undefined,
  logLevel: "info",
};
