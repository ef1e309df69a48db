/** What a pod saw: every request, how it went, how it ended. Old entries give way when there are very many. */
import type { HttpExchange } from "../metrics/http-metrics.ts";
import type { JournalEntry } from "./pod.ts";
import type { Arrival, Recorder, RequestRecord } from "../server/http/recorder.ts";

/** Enough for any test, little enough for a pod that runs for days. */
const MOST_ENTRIES = 20_000;
const MOST_BODY_BYTES = 64 * 2 ** 20;

export interface JournalOptions {
  readonly pod: string;
  readonly nowMs: () => number;
  /** Makes an id for a request that brought none. */
  readonly nextId: () => string;
  /** Told of every answer that was given. */
  readonly served: (exchange: HttpExchange) => void;
}

type Ended = NonNullable<JournalEntry["ended"]>["how"];

/** Requests to the pod's own controls leave no trace: looking changes nothing. */
export function isControl(path: string): boolean {
  return path.startsWith("/__pod/");
}

const GENERATION =
  /^\/(v1\/((chat\/)?completions(\/batch)?|messages|responses)|inference\/v1\/generate|invocations|generative_scoring)\/?(\?|$)/;

export function isGeneration(method: string, path: string): boolean {
  return method === "POST" && GENERATION.test(path);
}

/** A request's entry while it is being written. */
class JournalRecord implements RequestRecord {
  readonly entry: { -readonly [Key in keyof JournalEntry]: JournalEntry[Key] };
  readonly #journal: Journal;
  #countTokens: (() => number) | undefined;

  constructor(entry: JournalEntry, journal: Journal) {
    this.entry = entry;
    this.#journal = journal;
  }

  tokenized(promptTokens: number): void {
    this.entry.promptTokens = (this.entry.promptTokens ?? 0) + promptTokens;
  }

  admitted(cachedTokens: number): void {
    this.entry.cachedTokens = (this.entry.cachedTokens ?? 0) + cachedTokens;
  }

  produces(count: () => number): void {
    this.#countTokens = count;
  }

  firstToken(simulatedMs: number): void {
    this.entry.firstTokenMs ??= simulatedMs;
  }

  /** Brings the entry up to date. */
  settle(): void {
    if (this.entry.firstTokenMs !== undefined && this.#countTokens !== undefined) {
      this.entry.outputTokens = this.#countTokens();
    }
  }

  ended(how: Ended, status?: number, route?: string | null, contentBytes = 0): void {
    if (this.entry.ended !== undefined) return;
    this.settle();
    this.#countTokens = undefined;
    if (status !== undefined) this.entry.status = status;
    this.entry.ended = { how, atMs: this.#journal.options.nowMs() };
    this.#journal.ended(this, route, contentBytes);
  }
}

export class Journal implements Recorder {
  readonly options: JournalOptions;
  readonly #open = new Map<JournalEntry, JournalRecord>();
  #entries: JournalEntry[] = [];
  #bodyBytes = 0;
  #arrivals = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(options: JournalOptions) {
    this.options = options;
  }

  arrived({ method, path, headers, body }: Arrival): RequestRecord {
    const { pod, nowMs, nextId } = this.options;
    const sent = headerOf(headers, "x-request-id");
    const requestId = sent === undefined || sent === "" ? nextId() : sent;
    const record = new JournalRecord({ pod, requestId, method, path, headers, body, arrivedMs: nowMs() }, this);
    if (isControl(path)) return record;
    this.#open.set(record.entry, record);
    this.#entries.push(record.entry);
    this.#bodyBytes += body.length;
    if (this.#entries.length > MOST_ENTRIES || this.#bodyBytes > MOST_BODY_BYTES) this.#forgetOldest();
    if (isGeneration(method, path)) this.#countArrival();
    return record;
  }

  entries(): readonly JournalEntry[] {
    for (const record of this.#open.values()) record.settle();
    return [...this.#entries];
  }

  /** Forgets what was and counts arrivals from zero; requests that are open still end, unseen. */
  clear(): void {
    this.#entries = [];
    this.#bodyBytes = 0;
    this.#arrivals = 0;
  }

  waitForArrivals(count: number): Promise<void> {
    if (this.#arrivals >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Ends the entry's record, if it is still open. */
  close(entry: JournalEntry, how: Ended, status?: number): void {
    this.#open.get(entry)?.ended(how, status);
  }

  /** The pod dies: nothing that is open will be answered. */
  failOpen(): void {
    for (const record of this.#open.values()) record.ended("failed");
  }

  ended({ entry }: JournalRecord, route: string | null | undefined, responseBytes: number): void {
    if (!this.#open.delete(entry) || entry.status === undefined || entry.ended === undefined || route === null) return;
    this.options.served({
      route,
      path: entry.path,
      method: entry.method,
      status: entry.status,
      requestBytes: Number(headerOf(entry.headers, "content-length") ?? 0) || 0,
      responseBytes,
      durationMs: entry.ended.atMs - entry.arrivedMs,
    });
  }

  /** Waiters go on once the request is in the engine's queue, which it is by the end of this turn. */
  #countArrival(): void {
    this.#arrivals += 1;
    if (this.#waiting.length === 0) return;
    setTimeout(() => {
      const due = this.#waiting.filter(({ count }) => count <= this.#arrivals);
      this.#waiting = this.#waiting.filter((waiter) => !due.includes(waiter));
      for (const { resolve } of due) resolve();
    }, 0);
  }

  /** By halves, so that the cost of moving the rest is shared by many arrivals. */
  #forgetOldest(): void {
    const gone = this.#entries.splice(0, Math.ceil(this.#entries.length / 2));
    for (const { body } of gone) this.#bodyBytes -= body.length;
  }
}

function headerOf(headers: JournalEntry["headers"], name: string): string | undefined {
  return headers.find(([sent]) => sent.toLowerCase() === name)?.[1];
}
