/** A router that already runs and already points at fixed addresses, which the kit's pods bind. */
import { Agent } from "undici";
import { claimsOf } from "./adapter-claims.ts";
import type { LoadedAdapter, UrlAdapterFile } from "./adapter-file.ts";
import { pollUntil } from "./http-call.ts";
import type { RouterAdapter } from "./router-under-test.ts";

export function urlAdapter({ file, profile }: Pick<LoadedAdapter<UrlAdapterFile>, "file" | "profile">): RouterAdapter {
  const url = file.url.replace(/\/$/, "");
  return {
    ...claimsOf({ file, profile }),
    version: file.version ?? "unknown",
    changesPods: false,
    podsListen: file.podsListen.map((address) => address.replace(/^http:\/\//, "").replace(/\/$/, "")),
    async start() {
      if (file.ready !== undefined) {
        const dispatcher = new Agent();
        try {
          await pollUntil(file.ready, { url }, dispatcher, () => {});
        } finally {
          await dispatcher.close();
        }
      }
      return { kind: "http", url, close: async () => {} };
    },
  };
}
