/** STR-17: how the end of HTTP itself tells a stream that broke off from one that is whole. */
import type { Case } from "../../case.ts";
import { EVENT_STREAM, type Exchange, exchange } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, streamed, tellsError } from "../trials/stream-text.ts";

const TRIALS = 3;

/** A body that is framed says where it ends; one that lasts until the connection closes cannot. */
const saysWhereItEnds = ({ headers }: Exchange): boolean => headers["transfer-encoding"] !== undefined;

export const brokenEndCases: readonly Case[] = [
  httpCase({
    id: "STR-17",
    level: "SHOULD",
    requirement: "R-STR-17",
    title: "A stream that its pod breaks off SHOULD end in an error for its client: of HTTP, or as an event.",
    traffic: async (lab) => {
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
    },
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
