/** What a pod saw: every request, how it went, how it ended. Old entries give way when there are very many. */
import type { JournalEntry } from "./pod.ts";
import type { Arrival, Recorder, RequestRecord } from "./server/recorder.ts";

/** Enough for any test, little enough for a pod that runs for days. */
const MOST_ENTRIES = 20_000;
const MOST_BODY_BYTES = 64 * 2 ** 20;

type Ended = NonNullable<JournalEntry["ended"]>["how"];

/** A request's entry while it is being written. */
class JournalRecord implements RequestRecord {
  readonly entry: { -readonly [Key in keyof JournalEntry]: JournalEntry[Key] };
  readonly #journal: Journal;

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

  produced(tokens: number, simulatedMs: number): void {
    this.entry.firstTokenMs ??= simulatedMs;
    this.entry.outputTokens = (this.entry.outputTokens ?? 0) + tokens;
  }

  ended(how: Ended, status?: number): void {
    if (this.entry.ended !== undefined) return;
    if (status !== undefined) this.entry.status = status;
    this.entry.ended = { how, atMs: this.#journal.nowMs() };
    this.#journal.open.delete(this.entry);
  }
}

export class Journal implements Recorder {
  readonly nowMs: () => number;
  readonly open = new Map<JournalEntry, JournalRecord>();
  readonly #pod: string;
  readonly #nextId: () => string;
  #records: JournalRecord[] = [];
  #bodyBytes = 0;
  #arrivals = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** `nextId` makes an id for a request that brought none. */
  constructor(pod: string, nowMs: () => number, nextId: () => string) {
    this.#pod = pod;
    this.nowMs = nowMs;
    this.#nextId = nextId;
  }

  arrived({ method, path, headers, body }: Arrival): RequestRecord {
    const sent = headers.find(([name]) => name.toLowerCase() === "x-request-id")?.[1];
    const requestId = sent === undefined || sent === "" ? this.#nextId() : sent;
    const entry = { pod: this.#pod, requestId, method, path, headers, body, arrivedMs: this.nowMs() };
    const record = new JournalRecord(entry, this);
    this.#records.push(record);
    this.#bodyBytes += body.length;
    this.open.set(entry, record);
    if (this.#records.length > MOST_ENTRIES || this.#bodyBytes > MOST_BODY_BYTES) this.#forgetOldest();
    this.#arrivals += 1;
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (count > this.#arrivals) return true;
      resolve();
      return false;
    });
    return record;
  }

  entries(): readonly JournalEntry[] {
    return this.#records.map((record) => record.entry);
  }

  /** Forgets what was and counts arrivals from zero; requests that are open still end, unseen. */
  clear(): void {
    this.#records = [];
    this.#bodyBytes = 0;
    this.#arrivals = 0;
  }

  /** Resolves when `count` requests have arrived since the start or the last {@link clear}. */
  waitForArrivals(count: number): Promise<void> {
    if (this.#arrivals >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Ends the entry's record, if it is still open. */
  close(entry: JournalEntry, how: Ended, status?: number): void {
    this.open.get(entry)?.ended(how, status);
  }

  /** The pod dies: nothing that is open will be answered. */
  failOpen(): void {
    for (const record of this.open.values()) record.ended("failed");
  }

  /** By halves, so that the cost of moving the rest is shared by many arrivals. */
  #forgetOldest(): void {
    const gone = this.#records.splice(0, Math.ceil(this.#records.length / 2));
    for (const { entry } of gone) this.#bodyBytes -= entry.body.length;
  }
}
