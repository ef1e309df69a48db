/** Tells a running router that the set of pods changed, the way its adapter file says. */
import { rename, writeFile } from "node:fs/promises";
import type { Agent } from "undici";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { PodsChannel, Poll, Settled } from "./adapter-file.ts";
import { performCall, pollUntil } from "./http-call.ts";
import type { PodAddress } from "./router-under-test.ts";
import { cutAtPods, expandJson, expandText, type TemplateValues } from "./template.ts";

/** What a channel needs of the router it talks to. */
export interface ChannelTarget {
  /** Template values but for the pods. */
  readonly values: TemplateValues;
  readonly dispatcher: Agent;
  /** Throws when the router has died. */
  readonly alive: () => void;
  readonly signal: (name: NodeJS.Signals) => Promise<void>;
}

export interface PodChannel {
  /** Resolves when the router has acknowledged, and `settled` holds where it is declared. */
  setPods(pods: readonly PodAddress[]): Promise<void>;
}

/** Everything templates may say about the whole set of pods. */
export function podsValues(pods: readonly PodAddress[]): TemplateValues {
  return {
    "pods.urls": pods.map(({ url }) => url),
    "pods.hostports": pods.map(({ url }) => new URL(url).host),
    "pods.names": pods.map(({ name }) => name),
    "pods.models": pods.map(({ models }) => models?.[0] ?? ""),
    "pods.kvEvents": pods.map(({ kvEvents }) => kvEvents?.endpoint ?? ""),
    "pods.kvReplays": pods.map(({ kvEvents }) => kvEvents?.replayEndpoint ?? ""),
  };
}

function podValues(
  { url, name, models, kvEvents }: PodAddress,
  captured: Readonly<Record<string, string>>,
): TemplateValues {
  const own = {
    "pod.url": url,
    "pod.hostport": new URL(url).host,
    "pod.name": name,
    "pod.model": models?.[0] ?? "",
    "pod.kvEvents": kvEvents?.endpoint ?? "",
    "pod.kvReplay": kvEvents?.replayEndpoint ?? "",
  };
  return { ...own, ...Object.fromEntries(Object.entries(captured).map(([key, value]) => [`pod.${key}`, value])) };
}

type HttpChannel = Extract<PodsChannel, { channel: "http" }>;
type FileChannel = Extract<PodsChannel, { channel: "file" }>;

/** One call per pod that came or went. */
export class HttpPodChannel implements PodChannel {
  readonly #channel: HttpChannel;
  readonly #target: ChannelTarget;
  /** Present pods by name, with what was captured when they were added. */
  readonly #present: Map<string, { readonly pod: PodAddress; readonly captured: Readonly<Record<string, string>> }>;

  constructor(channel: HttpChannel, target: ChannelTarget, initial: readonly PodAddress[]) {
    this.#channel = channel;
    this.#target = target;
    this.#present = new Map(initial.map((pod) => [pod.name, { pod, captured: {} }]));
  }

  async setPods(pods: readonly PodAddress[]): Promise<void> {
    const gone = [...this.#present.values()].filter(({ pod }) => !pods.some(({ name }) => name === pod.name));
    const come = pods.filter(({ name }) => !this.#present.has(name));
    for (const { pod, captured } of gone) {
      const values = this.#values(pod, { ...captured, ...(await this.#missingCaptures(pod, captured)) });
      await performCall(this.#channel.remove, values, this.#target.dispatcher);
      await this.#settle("remove", values);
      this.#present.delete(pod.name);
    }
    for (const pod of come) {
      const captured = await performCall(this.#channel.add, this.#values(pod, {}), this.#target.dispatcher);
      this.#present.set(pod.name, { pod, captured });
      await this.#settle("add", this.#values(pod, captured));
    }
  }

  /**
   * A pod that the router got on its command line was never added by a call, so nothing was captured. Adding it once more
   * tells its id where the router answers duplicates with it. It must be done before the removal begins: who takes both and
   * works on them later may do the removal first.
   */
  async #missingCaptures(
    pod: PodAddress,
    captured: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>>> {
    const { add, remove, settled } = this.#channel;
    const needed = Object.keys(add.capture ?? {}).filter((name) =>
      JSON.stringify([remove, pollFor(settled, "remove")]).includes(`{{pod.${name}`),
    );
    if (needed.every((name) => name in captured)) return {};
    try {
      const missing = await performCall({ ...add, retryOn: [] }, this.#values(pod, {}), this.#target.dispatcher);
      await this.#settle("add", this.#values(pod, missing));
      return missing;
    } catch (cause) {
      throw new OperationalError(
        "ADAPTER_FAILED",
        `${pod.url} was there from the start, so nothing captured ${needed.join(", ")} of it: ` +
          `set "startsEmpty": true to have the kit add every pod by a call`,
        { cause },
      );
    }
  }

  async #settle(change: "add" | "remove", values: TemplateValues): Promise<void> {
    const poll = pollFor(this.#channel.settled, change);
    if (poll !== undefined) await pollUntil(poll, values, this.#target.dispatcher, this.#target.alive);
  }

  #values(pod: PodAddress, captured: Readonly<Record<string, string>>): TemplateValues {
    return { ...this.#target.values, ...podValues(pod, captured) };
  }
}

/** A file that lists the pods, written beside and renamed, so that the router never reads half of it. */
export class FilePodChannel implements PodChannel {
  readonly #channel: FileChannel;
  readonly #target: ChannelTarget;

  constructor(channel: FileChannel, target: ChannelTarget) {
    this.#channel = channel;
    this.#target = target;
  }

  async setPods(pods: readonly PodAddress[]): Promise<void> {
    const values = { ...this.#target.values, ...podsValues(pods) };
    await writePodsFile(this.#channel, values, pods);
    if (this.#channel.signal !== undefined) await this.#target.signal(this.#channel.signal as NodeJS.Signals);
    const poll = pollFor(this.#channel.settled, "add");
    if (poll !== undefined) await pollUntil(poll, values, this.#target.dispatcher, this.#target.alive);
  }
}

/** Also written before the router starts, which may read it at once. `values` are those of all pods. */
export async function writePodsFile(
  { path, template }: FileChannel,
  values: TemplateValues,
  pods: readonly PodAddress[],
): Promise<void> {
  const target = expandText(path, values);
  const content =
    typeof template === "string" ? fillText(template, values, pods) : JSON.stringify(expandJson(template, values));
  await writeFile(`${target}.next`, content);
  await rename(`${target}.next`, target);
}

function fillText(template: string, values: TemplateValues, pods: readonly PodAddress[]): string {
  const perPod = pods.map((pod) => ({ ...values, ...podValues(pod, {}) }));
  return cutAtPods(template)
    .flatMap((text, place) => (place % 2 === 0 ? [values] : perPod).map((each) => expandText(text, each)))
    .join("");
}

/** `settled` is one poll for both changes, or one for each. */
function pollFor(settled: Settled | undefined, change: "add" | "remove"): Poll | undefined {
  if (settled === undefined) return undefined;
  if (!("url" in settled)) return settled[change];
  // A poll about one pod cannot hold for a pod that has just been removed.
  return change === "add" || !settled.url.includes("{{pod.") ? settled : undefined;
}
