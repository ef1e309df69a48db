/** A client sees the last byte of a response before the router has done its accounts. */
import { type History, type Placement, quietBefore } from "./history.ts";

/** What an HTTP router is granted, after the client saw the end of a response, to notice it. */
export const LATE_NOTICE_MS = 30;

/** May the router not have noticed yet, at `nowMs`, how this ended? A function router is told at once. */
export function mayBeUnnoticed(placement: Placement, history: History, nowMs: number): boolean {
  const { endMs } = placement;
  if (endMs === undefined) return true;
  if (history.observation.transport !== "http") return false;
  return endMs > quietBefore(history, nowMs) && nowMs - endMs < LATE_NOTICE_MS;
}
