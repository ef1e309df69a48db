/** Names that templates of an adapter file may use, checked before anything is started. */
import { OperationalError } from "../../fixtures/operational-error.ts";

const ANYWHERE = ["port", "url", "model", "seed", "tmp", "threshold", "here"];
const ALL_PODS = ["pods.urls", "pods.hostports", "pods.names", "pods.models", "pods.kvEvents", "pods.kvReplays"];
const ONE_POD = ["pod.url", "pod.hostport", "pod.name", "pod.model", "pod.kvEvents", "pod.kvReplay"];
const SLOT = /\{\{([^{}|]*)(?:\|[^{}]*)?\}\}/g;

/**
 * @param captured names that the answer to a pod's addition is read for
 * @throws {OperationalError} FILE_INVALID naming the pointer, the name and those there are
 */
export function checkTemplates(file: object, captured: readonly string[], source: string): void {
  const ofOnePod = [...ONE_POD, ...captured.map((name) => `pod.${name}`)];
  for (const [pointer, text] of strings(file, "")) {
    const known = [...ANYWHERE, ...ALL_PODS, ...(pointer.startsWith("/pods/") ? ofOnePod : [])];
    for (const [slot, name = ""] of text.matchAll(SLOT)) {
      if (known.includes(name.trim()) || /^port\.[^.]+$/.test(name.trim())) continue;
      const there = [...known, "port.NAME"].map((each) => `{{${each}}}`).join(", ");
      throw new OperationalError("FILE_INVALID", `${source}: ${pointer}: nothing is called ${slot}; there is ${there}`);
    }
  }
}

function* strings(value: unknown, pointer: string): Generator<readonly [string, string]> {
  if (typeof value === "string") yield [pointer, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) yield* strings(item, `${pointer}/${key}`);
}
