/** What stands before the framing of a request that a case writes byte by byte. */
import type { HttpLab } from "../../http-lab/http-facilities.ts";

/** Its first line and its headers, the adapter's among them, but for those of the connection and of the body's length. */
export const rawHead = ({ routerUrl, headers }: HttpLab, requestId: string): readonly string[] => [
  "POST /v1/completions HTTP/1.1",
  `host: ${new URL(routerUrl).host}`,
  "content-type: application/json",
  `x-request-id: ${requestId}`,
  ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
];
