/** What pods saw of the requests of a case, each known by its id or, where a router drops ids, by its prompt. */
import type { JournalEntry } from "../../mock-pods/pod/pod.ts";
import type { HeldReply } from "./held-reply.ts";
import { promptOf, samePrompt, type SentPrompt } from "./prompt-body.ts";
import type { PodSighting } from "./scripted-pods.ts";

export type OpenSighting = { -readonly [Key in keyof PodSighting]: PodSighting[Key] };

/** A request that was announced. */
export interface Expected {
  readonly prompt: SentPrompt | undefined;
  readonly sightings: OpenSighting[];
  /** What its pod does with it: a reply kept open, or nothing special. */
  readonly hold: ((reply: HeldReply) => void) | undefined;
  readonly silent: boolean;
}

export class Sightings {
  readonly #expected = new Map<string, Expected>();
  readonly #watchers = new Set<() => void>();

  /** Announces a request before it is sent. With `hold`, its pod answers only the beginning, or with `silent` nothing, and hands over the rest. */
  expect(requestId: string, prompt: SentPrompt | undefined, hold?: (reply: HeldReply) => void, silent = false): void {
    this.#expected.set(requestId, { prompt, sightings: [], hold, silent });
  }

  isExpected(requestId: string): boolean {
    return this.#expected.has(requestId);
  }

  seen(requestId: string): readonly PodSighting[] {
    return this.#expected.get(requestId)?.sightings ?? [];
  }

  /** Some sighting has changed. */
  notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves when it holds. @throws {Error} with the complaint after `timeoutMs` */
  async until(holds: () => boolean, timeoutMs: number, complaint: () => string): Promise<void> {
    if (holds()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const watcher = (): void => {
      if (holds()) resolve();
    };
    const timer = setTimeout(() => reject(new Error(complaint())), timeoutMs);
    this.#watchers.add(watcher);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    }
  }

  waitUntil(requestId: string, predicate: (seen: readonly PodSighting[]) => boolean, timeoutMs: number): Promise<void> {
    return this.until(
      () => predicate(this.seen(requestId)),
      timeoutMs,
      () => `pods saw ${describe(this.seen(requestId))} of ${requestId} within ${timeoutMs} ms`,
    );
  }

  /** Some request is open at a pod. */
  areOpen(): boolean {
    return [...this.#expected.values()].some(({ sightings }) => sightings.some(isOpen));
  }

  /** Resolves when no request is open at any pod, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    await this.until(
      () => !this.areOpen(),
      timeoutMs,
      () => "pods still busy",
    ).catch(() => undefined);
  }

  /** By id; else by the prompt, preferring a request that no pod has seen yet. */
  recognise(entry: JournalEntry): readonly [requestId: string, expected: Expected | undefined] {
    const byId = this.#expected.get(entry.requestId);
    if (byId !== undefined) return [entry.requestId, byId];
    const prompt = promptOf(entry.body);
    const same = [...this.#expected].filter(([, expected]) => samePrompt(expected.prompt, prompt));
    const match = same.find(([, { sightings }]) => sightings.length === 0) ?? same.at(-1);
    return match ?? [entry.requestId, undefined];
  }

  forget(requestId: string): void {
    this.#expected.delete(requestId);
  }

  reset(): void {
    this.#expected.clear();
  }
}

function isOpen(sighting: PodSighting): boolean {
  return sighting.ended === undefined;
}

function describe(seen: readonly PodSighting[]): string {
  if (seen.length === 0) return "nothing";
  return seen.map(({ pod, ended }) => `${pod} (${ended?.how ?? "open"})`).join(", ");
}
