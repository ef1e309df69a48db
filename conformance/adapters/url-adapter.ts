/** A router that already runs and already points at fixed addresses, which the kit's pods bind. */
import { Agent } from "undici";
import { claimsOf } from "./adapter-claims.ts";
import type { LoadedAdapter, UrlAdapterFile } from "./adapter-file.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { ANSWERS_ANYTHING, pollUntil } from "./http-call.ts";
import type { RouterAdapter } from "./router-under-test.ts";
import { Settling } from "./settling.ts";

const ANSWERS_WITHIN_MS = 3_000;

export function urlAdapter({ file, profile }: Pick<LoadedAdapter<UrlAdapterFile>, "file" | "profile">): RouterAdapter {
  const url = file.url.replace(/\/$/, "");
  return {
    ...claimsOf({ file, profile }),
    version: file.version ?? "unknown",
    changesPods: false,
    podsListen: file.podsListen.map((address) => address.replace(/^http:\/\//, "").replace(/\/$/, "")),
    async start() {
      const dispatcher = new Agent();
      try {
        await pollUntil(file.ready ?? { ...ANSWERS_ANYTHING, maxMs: ANSWERS_WITHIN_MS }, { url }, dispatcher, () => {});
      } catch (cause) {
        const advice = `the router must run already, in front of ${file.podsListen.join(", ")}`;
        throw new OperationalError("ADAPTER_FAILED", `${(cause as Error).message}; ${advice}`, { cause });
      } finally {
        await dispatcher.close();
      }
      const settling = new Settling(file.settle);
      // The router was there before; the kit's pods have just come up.
      settling.podsCame();
      return { kind: "http", url, settlesInMs: () => settling.leftMs(), close: async () => {} };
    },
  };
}
