/** A client sees the last byte of a response before the router has done its accounts. */

/** What an HTTP router is granted, after the client saw the end of a response, to notice it. */
export const LATE_NOTICE_MS = 30;

/** May a router that has shown nothing since not have noticed at `nowMs` what ended then? */
export const mayBeUnnoticed = (endMs: number, nowMs: number): boolean => nowMs - endMs < LATE_NOTICE_MS;
