/** `--api-key`: guards these prefixes, known path or not, and nothing else. */
import type { Exchange } from "../http/exchange.ts";
import type { ServeSettings } from "../serve-settings.ts";

const GUARDED = ["/v1", "/v2", "/inference", "/cohere"];

export function isAuthorized({ apiKeys }: ServeSettings, { path, headers }: Exchange): boolean {
  if (apiKeys.length === 0 || !GUARDED.some((prefix) => path.startsWith(prefix))) return true;
  const header = headers["authorization"] ?? "";
  const at = header.indexOf(" ");
  return at > 0 && header.slice(0, at).toLowerCase() === "bearer" && apiKeys.includes(header.slice(at + 1));
}
