/**
 * Pods from a JSON or YAML file, read again whenever it changes. A list of `{ url, name?, gpu?, models? }` or plain URLs.
 *
 * A bad edit changes nothing and is logged with its reason: the pods of the last good one stay.
 */
import { unwatchFile, watch, watchFile, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { Type } from "typebox";
import { parse as parseYaml } from "yaml";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import { checker, readTextFile } from "../../../fixtures/schema.ts";
import { PodInputSchema, podSpecs, type PodInput } from "../pods/pod-spec.ts";
import type { PodSink, PodSource } from "./pod-source.ts";

/** For file systems that tell nobody: a mounted volume, a replaced symbolic link. */
const POLL_MS = 1000;
/** One edit is several events, and in the middle of it the file may be half written. */
const SETTLE_MS = 20;

/** @throws {OperationalError} FILE_UNREADABLE or FILE_INVALID when the file is bad from the start */
export function watchBackendsFile(path: string, sink: PodSink): PodSource {
  let text = readTextFile(path);
  sink.set(parseBackendsFile(text, path));
  /** What is wrong is said once: a log in the same folder would otherwise wake the watcher that writes it. */
  let complaint: string | undefined;
  let soon: NodeJS.Timeout | undefined;
  const look = (): void => {
    clearTimeout(soon);
    soon = undefined;
    try {
      const now = readTextFile(path);
      if (now === text && complaint === undefined) return;
      text = now;
      const pods = parseBackendsFile(now, path);
      sink.set(pods);
      sink.log("info", "backends file", { path, pods: pods.length });
      complaint = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== complaint) sink.log("error", "backends file", { path, kept: "the list before", error: message });
      complaint = message;
    }
  };
  const lookSoon = (): void => void (soon ??= setTimeout(look, SETTLE_MS));
  // The folder, because an editor replaces the file and its watcher would stay with the old one.
  const watcher: FSWatcher = watch(dirname(path), lookSoon);
  watcher.on("error", () => watcher.close());
  watchFile(path, { interval: POLL_MS, persistent: false }, look);
  return {
    refresh: look,
    stop: () => {
      clearTimeout(soon);
      watcher.close();
      unwatchFile(path, look);
    },
  };
}

const checkList = checker(Type.Array(PodInputSchema));

/** @throws {OperationalError} FILE_INVALID */
export function parseBackendsFile(text: string, path: string): readonly PodInput[] {
  let value: unknown;
  try {
    // YAML 1.2 is a superset of JSON.
    value = parseYaml(text);
  } catch (cause) {
    const [line = ""] = (cause as Error).message.split("\n");
    throw new OperationalError("FILE_INVALID", `${path}: ${line.replace(/:$/, "")}`, { cause });
  }
  // An editor that writes in place empties the file first: nothing must not mean that there is no pod.
  if (value === null) throw new OperationalError("FILE_INVALID", `${path}: is empty; write [] for no pods`);
  if (!Array.isArray(value)) throw new OperationalError("FILE_INVALID", `${path}: must be a list of pods`);
  const pods = checkList(
    value.map((entry: unknown) => (typeof entry === "string" ? { url: entry } : entry)),
    path,
  );
  try {
    podSpecs(pods);
  } catch (cause) {
    throw new OperationalError("FILE_INVALID", `${path}: ${(cause as Error).message}`, { cause });
  }
  return pods;
}
