/** Cross-origin requests. */
import type { ByVersion } from "./version.ts";

export interface CorsProfile {
  /** Who may ask without `--allowed-origins`. */
  readonly origins: "all" | "none";
  /** Starlette's rules, of then: a preflight's `vary`, `QUERY`, private networks; cookies. */
  readonly rules: "2025" | "now";
}

export const CORS: ByVersion<CorsProfile> = {
  "0.7": { origins: "all", rules: "2025" },
  "0.10": { origins: "all", rules: "2025" },
  "0.28": { origins: "all", rules: "now" },
  "0.32": { origins: "none", rules: "now" },
};
