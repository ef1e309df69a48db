/** Where pods come from besides the admin port. */
import type { Log } from "../reporting/log.ts";
import type { PodInput } from "../pods/pod-spec.ts";

/** A source that has been started. It speaks by the sink it was given: always its whole list. */
export interface PodSource {
  /** Looks again now instead of when it next would. */
  refresh(): void;
  stop(): void;
}

export interface PodSink {
  /** @throws {OperationalError} when a pod is not one; nothing has changed then */
  readonly set: (pods: readonly PodInput[]) => void;
  readonly log: Log;
}
