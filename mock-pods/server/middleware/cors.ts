/** Cross-origin rules as Starlette 1.10 applies them: no origin is allowed unless `--allowed-origins` names it. Older versions allowed all. */
import { text, type Answer } from "../http/answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ServeSettings } from "../serve-settings.ts";

const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"];
const MAX_AGE_SECONDS = "600";
const VARIED =
  "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network";

const METHODS_2025 = METHODS.filter((method) => method !== "QUERY");

/** Headers of an ordinary answer; `vary` is there whether the request has an origin or not. */
export function corsHeaders({ allowedOrigins, version }: ServeSettings, { headers }: Exchange): [string, string][] {
  const { origin } = headers;
  if (version.cors.origins === "all") {
    if (origin === undefined) return [];
    // Credentials rule out an answer to any origin.
    if (version.cors.rules === "2025" && headers["cookie"] !== undefined) {
      return [
        ["access-control-allow-origin", origin],
        ["vary", "Origin"],
      ];
    }
    return [["access-control-allow-origin", "*"]];
  }
  const vary: [string, string] = ["vary", "Origin"];
  if (origin === undefined) return [vary];
  if (allowedOrigins.includes("*")) return [["access-control-allow-origin", "*"], vary];
  return allowedOrigins.includes(origin) ? [["access-control-allow-origin", origin], vary] : [vary];
}

/** The answer to a preflight; undefined for any other request. */
export function preflight(
  { allowedOrigins, version }: ServeSettings,
  { method, headers }: Exchange,
): Answer | undefined {
  const { origin, "access-control-request-method": wanted } = headers;
  if (method !== "OPTIONS" || origin === undefined || wanted === undefined) return undefined;
  const isNow = version.cors.rules === "now";
  const methods = isNow ? METHODS : METHODS_2025;
  const any = allowedOrigins.includes("*");
  const allowed = any || allowedOrigins.includes(origin);
  const asked = headers["access-control-request-headers"];
  const failures = [
    ...(allowed ? [] : ["origin"]),
    ...(methods.includes(wanted) ? [] : ["method"]),
    ...(!isNow || headers["access-control-request-private-network"] === undefined ? [] : ["private-network"]),
  ];
  const answer = failures.length === 0 ? text(200, "OK") : text(400, `Disallowed CORS ${failures.join(", ")}`);
  return {
    ...answer,
    headers: [
      ...(isNow || !any ? [["vary", isNow ? VARIED : "Origin"] as const] : []),
      ...(any ? [["access-control-allow-origin", "*"] as const] : []),
      ["access-control-allow-methods", methods.join(", ")],
      ["access-control-max-age", MAX_AGE_SECONDS],
      ...(allowed && !any ? [["access-control-allow-origin", origin] as const] : []),
      ...(asked === undefined ? [] : [["access-control-allow-headers", asked] as const]),
    ],
  };
}
