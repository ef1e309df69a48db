/**
 * What one case did and saw, as plain JSON: it can be saved, mailed, and judged again without a router.
 *
 * Traffic appends steps; judgement reads them. A step names pods by name only.
 */

/** A prompt as the corpus made it: cells, so that a match ratio is the same number in every unit. */
export interface PromptRecord {
  readonly text: string;
  /** Cell names in order, the nonce cell first; a fraction of a cell is written `name:0.3`. */
  readonly cells: readonly string[];
  /** Present when the prompt was sent as token ids. */
  readonly tokenIds?: readonly number[];
  /** Present when it was sent as a chat; `text` then stands for the chat as a template would write it. */
  readonly messages?: readonly ChatMessage[];
}

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface SentStep {
  readonly kind: "sent";
  /** What the case calls this step, e.g. `seed`, `probe`, `busy`. */
  readonly label: string;
  readonly requestId: string;
  readonly model: string;
  readonly prompt: PromptRecord;
  readonly cacheSalt?: string;
  /** Pods that received it, in order, by their journals; the last one served it. Empty: it reached no pod. */
  readonly attempts: readonly string[];
  /** The pod that served it; null when none did. */
  readonly pod: string | null;
  /** HTTP status the client got; 0 when the connection failed. Function routers: 200 or 503. */
  readonly status: number;
  /** Held open (still in flight) after this step. */
  readonly held: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

export interface ReleasedStep {
  readonly kind: "released";
  readonly requestId: string;
  readonly outcome: "ok" | "error" | "aborted";
  readonly atMs: number;
}

export interface PodsStep {
  readonly kind: "pods";
  readonly change: "start" | "add" | "remove";
  readonly pod: string | null;
  /** Pods present after the change. */
  readonly pods: readonly string[];
  /** Models of those that do not serve them all. */
  readonly serving?: Readonly<Record<string, readonly string[]>>;
  readonly atMs: number;
}

export interface AdvancedStep {
  readonly kind: "advanced";
  readonly byMs: number;
  readonly atMs: number;
}

/** The router has shown that it counts nothing which ended before. */
export interface QuietStep {
  readonly kind: "quiet";
  readonly atMs: number;
}

/** Anything else a case measured: bytes of a stream, time until a cancel was seen, a status. */
export interface NoteStep {
  readonly kind: "note";
  readonly label: string;
  readonly data: unknown;
  readonly atMs: number;
}

/** Label of a note that says what pods report of their load, once the router has read it; of the pods left out nothing is known. */
export const REPORTED_LOADS = "reported-loads";

/** Requests by pod. */
export type ReportedLoads = Readonly<Record<string, number>>;

export type Step = SentStep | ReleasedStep | PodsStep | AdvancedStep | QuietStep | NoteStep;

/** A request of an earlier case that the router's declared load window may still count. */
export interface CarriedLoad {
  readonly pod: string;
  readonly atMs: number;
  /** At most; where it surely counts, exactly. */
  readonly promptChars: number;
  /** It was served to its end: the router counts it for as long as its window is. */
  readonly surely?: boolean;
}

/** What pods were made to do, and did, and what clients did together: no step says it. By each, what a case without it lacks. */
export const HAPPENINGS = {
  "scripted-answer": "no pod answered as the case would have it",
  "failed-answer": "no pod failed that had to",
  "stopped-pod": "no pod was stopped",
  "changed-page": "no page of a pod was changed and asked for",
  "event-trouble": "no KV event was disturbed",
  "requests-at-once": "no two exchanges were under way at once",
} as const;
export type Happening = keyof typeof HAPPENINGS;

export interface Observation {
  readonly caseId: string;
  readonly seed: number;
  /**
   * How the router was reached. Over HTTP a router may learn of an end later than the client does, so the load of pods
   * that just finished something is uncertain; a function router is told at once.
   */
  readonly transport: "function" | "http";
  readonly steps: readonly Step[];
  /** Over HTTP. */
  readonly happened?: readonly Happening[];
  /** Absent or empty when the window was drained before the case. */
  readonly carried?: readonly CarriedLoad[];
}
