/** STR-07, STR-17: what becomes of a stream that its pod breaks off, by its events and by the end of HTTP itself. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { type Attempt, EVENT_STREAM, type Exchange, exchange } from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { chunk, streamed, tellsError } from "../trials/stream-text.ts";

const TRIALS = 3;

/** A body that is framed says where it ends; one that lasts until the connection closes cannot. */
const saysWhereItEnds = ({ headers }: Exchange): boolean => headers["transfer-encoding"] !== undefined;

async function breakStreams(lab: Lab): Promise<void> {
  for (let trial = 0; trial < TRIALS; trial++) {
    await exchange(lab, {
      label: "broken stream",
      body: streamed(lab),
      reply: {
        kind: "respond",
        status: 200,
        headers: EVENT_STREAM,
        body: [chunk("first"), chunk("second")],
        end: "reset",
      },
    });
  }
}

/** What must be true of the bytes a broken stream left behind. */
function brokenStream(body: string, end: string, attempts: readonly Attempt[]): Finding | undefined {
  if (attempts.length > 1) {
    return {
      reason: "retried-after-first-byte",
      detail: `the stream broke after its first byte and ${attempts.length} pods got the request`,
      observed: attempts.map(({ pod }) => pod),
    };
  }
  if (end === "complete" && body.includes("[DONE]") && !tellsError(body)) {
    return {
      reason: "clean-end-after-reset",
      detail: "the pod reset the stream in the middle and the client still got a clean [DONE]",
    };
  }
  return undefined;
}

export const brokenEndCases: readonly Case[] = [
  httpCase({
    id: "STR-07",
    level: "MUST",
    requirement: "R-STR-7",
    title: "A stream that its pod breaks off MUST NOT end as if it were whole, nor go on from another pod.",
    traffic: breakStreams,
    missing: unreached,
    finding: (exchanges) =>
      exchanges
        .map(({ body, end, attempts }) => brokenStream(body, end, attempts))
        .find((found) => found !== undefined),
  }),
  httpCase({
    id: "STR-17",
    level: "SHOULD",
    requirement: "R-STR-17",
    title: "A stream that its pod breaks off SHOULD end in an error for its client: of HTTP, or as an event.",
    traffic: breakStreams,
    missing: unreached,
    finding: (exchanges) => {
      const clean = exchanges.find((got) => got.end === "complete" && saysWhereItEnds(got) && !tellsError(got.body));
      if (clean === undefined) return undefined;
      return {
        reason: "broken-stream-ended-well",
        detail: `the pod reset the stream; its client got ${clean.body.length} bytes, no error, and HTTP's own mark of a whole body`,
      };
    },
  }),
];
