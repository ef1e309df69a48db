/** The last decisions with what became of them, so that any of them can be explained after the fact. */
import type { DecisionRecord, Outcome } from "../../../fixtures/routing.ts";

/** One pod tried for a request. */
export interface AttemptRecord {
  readonly decision: DecisionRecord;
  /** HTTP status of the pod's answer, when there was one. */
  status?: number;
  /** Absent while it is under way. */
  outcome?: Outcome;
  /** Why it failed, when it did. */
  error?: string;
  endedMs?: number;
}

export interface RequestRecord {
  readonly requestId: string;
  readonly attempts: AttemptRecord[];
}

export class DecisionLog {
  readonly #capacity: number;
  /** Oldest first. Of two requests with one id the later stands. */
  readonly #requests = new Map<string, RequestRecord>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  open(requestId: string): RequestRecord {
    const record: RequestRecord = { requestId, attempts: [] };
    this.#requests.delete(requestId);
    this.#requests.set(requestId, record);
    if (this.#requests.size > this.#capacity) {
      for (const oldest of this.#requests.keys()) {
        this.#requests.delete(oldest);
        break;
      }
    }
    return record;
  }

  get(requestId: string): RequestRecord | undefined {
    return this.#requests.get(requestId);
  }
}
