/** Names that templates of an adapter file may use, checked before anything is started. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { cutAtPods } from "./template.ts";

const ANYWHERE = ["port", "url", "model", "seed", "tmp", "threshold", "here"];
const ALL_PODS = ["pods.urls", "pods.hostports", "pods.names", "pods.models", "pods.kvEvents", "pods.kvReplays"];
const ONE_POD = ["pod.url", "pod.hostport", "pod.name", "pod.model", "pod.kvEvents", "pod.kvReplay"];
const SLOT = /\{\{([^{}|]*)(?:\|[^{}]*)?\}\}/g;

/** How pods reach the router, as far as it decides which names there are. */
export interface NamedChannel {
  readonly channel: "http" | "file" | "restart" | "none";
  /** Names that the answer to a pod's addition is read for. */
  readonly captured?: readonly string[];
}

/** @throws {OperationalError} FILE_INVALID naming the pointer, the name and those there are */
export function checkTemplates(file: object, pods: NamedChannel | undefined, source: string): void {
  const captured = pods?.captured?.map((name) => `pod.${name}`) ?? [];
  for (const [pointer, text] of strings(file, "")) {
    const isFile = pods?.channel === "file" && pointer === "/pods/template";
    const ofOnePod = pods?.channel === "http" && pointer.startsWith("/pods/") ? [...ONE_POD, ...captured] : [];
    const check = (part: string, names: readonly string[]): void => {
      const known = [...ANYWHERE, ...ALL_PODS, ...names];
      for (const [slot, name = ""] of part.matchAll(SLOT)) {
        if (known.includes(name.trim()) || /^port\.[^.]+$/.test(name.trim())) continue;
        const there = [...known, "port.NAME"].map((each) => `{{${each}}}`);
        if (isFile) there.push("{{pod.url}} between {{#pods}} and {{/pods}}");
        throw new OperationalError(
          "FILE_INVALID",
          `${source}: ${pointer}: nothing is called ${slot}; there is ${there.join(", ")}`,
        );
      }
    };
    if (isFile) cutAtPods(text).forEach((part, place) => check(part, place % 2 === 0 ? [] : ONE_POD));
    else check(text, ofOnePod);
  }
}

function* strings(value: unknown, pointer: string): Generator<readonly [string, string]> {
  if (typeof value === "string") yield [pointer, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) yield* strings(item, `${pointer}/${key}`);
}
