/** A router that already runs and already points at fixed addresses, which the kit's pods bind. */
import { Agent } from "undici";
import type { LoadedAdapter, UrlAdapterFile } from "./adapter-file.ts";
import { pollUntil } from "./http-call.ts";
import type { RouterAdapter } from "./router-under-test.ts";

export function urlAdapter({ file, profile }: Pick<LoadedAdapter<UrlAdapterFile>, "file" | "profile">): RouterAdapter {
  const url = file.url.replace(/\/$/, "");
  return {
    name: file.name,
    version: file.version ?? "unknown",
    kind: "url",
    profile,
    changesPods: false,
    podsListen: file.podsListen.map((address) => address.replace(/^http:\/\//, "").replace(/\/$/, "")),
    ...(file.requests === undefined ? {} : { requests: file.requests }),
    ...(file.podSeenBy === undefined ? {} : { podSeenBy: file.podSeenBy }),
    ...(file.settle === undefined ? {} : { settle: file.settle }),
    ...(file.observe === undefined ? {} : { observe: file.observe }),
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
