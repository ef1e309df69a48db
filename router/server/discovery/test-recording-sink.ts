/** A sink for the discovery tests: keeps what it was told and lets a test wait for it. */
import { podSpec, type PodInput } from "../pods/pod-spec.ts";
import type { PodSink } from "./pod-source.ts";

export interface RecordingSink extends PodSink {
  readonly lists: (readonly PodInput[])[];
  readonly logged: Record<string, unknown>[];
  /** Resolves when the last list has exactly these URLs, in order. */
  settled(urls: readonly string[]): Promise<void>;
  /** Resolves with the next `count`-th log entry. */
  logs(count: number): Promise<void>;
}

export function recordingSink(): RecordingSink {
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const lists: (readonly PodInput[])[] = [];
  const logged: Record<string, unknown>[] = [];
  return {
    lists,
    logged,
    set: (pods) => {
      pods.map(podSpec);
      lists.push(pods);
      wake();
    },
    log: (level, event, fields) => {
      logged.push({ level, event, ...fields });
      wake();
    },
    settled: (urls) => until(() => String(lists.at(-1)?.map(({ url }) => url)) === String(urls)),
    logs: (count) => until(() => logged.length >= count),
  };
}
