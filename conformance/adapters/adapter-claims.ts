/** What an adapter file says of its router, whatever kind it is. */
import type { AdapterFile, LoadedAdapter } from "./adapter-file.ts";
import type { RouterAdapter } from "./router-under-test.ts";

type Claims = Pick<
  RouterAdapter,
  "name" | "kind" | "profile" | "requests" | "podSeenBy" | "settle" | "observe" | "podFlags"
>;

export function claimsOf({ file, profile }: Pick<LoadedAdapter, "file" | "profile">): Claims {
  return {
    name: file.name,
    kind: file.kind,
    profile,
    ...(file.requests === undefined ? {} : { requests: file.requests }),
    ...(file.podSeenBy === undefined ? {} : { podSeenBy: file.podSeenBy }),
    ...(file.settle === undefined ? {} : { settle: file.settle }),
    ...(file.podFlags === undefined ? {} : { podFlags: file.podFlags }),
    ...(file.observe === undefined ? {} : { observe: file.observe }),
  };
}

/** Of a router that the kit starts: whether and how pods can change, and whether a threshold and pods' KV events reach it. */
export function startedClaimsOf(
  file: Exclude<AdapterFile, { kind: "url" }>,
): Pick<
  RouterAdapter,
  "changesPods" | "listsPods" | "restartsForPods" | "tellsOneModel" | "takesThreshold" | "kvEvents"
> {
  const words = file.kind === "command" ? file.command : file.args;
  const filled = JSON.stringify([words, file.env, file.pods]);
  const replay = /\{\{pods?\.kvReplays?[|}]/.test(filled);
  return {
    ...(replay || /\{\{pods?\.kvEvents[|}]/.test(filled) ? { kvEvents: { replay } } : {}),
    changesPods: file.pods !== undefined && file.pods.channel !== "none",
    ...(file.pods?.channel === "http" ? { listsPods: false } : {}),
    ...(file.pods?.channel === "restart" ? { restartsForPods: true } : {}),
    ...(/\{\{pods?\.models?[|}]/.test(filled) ? { tellsOneModel: true } : {}),
    takesThreshold: /\{\{threshold[|}]/.test(filled),
  };
}
