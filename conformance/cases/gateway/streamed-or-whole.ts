/** STR-23: who asks for a stream gets one, and who does not gets a document. */
import type { Case } from "../../case.ts";
import { completionBody, exchange } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

const STREAMED = "streamed";
const WHOLE = "whole";

export const streamedOrWholeCases: readonly Case[] = [
  httpCase({
    id: "STR-23",
    level: "MUST",
    requirement: "R-STR-23",
    title: "A client that asks for a stream MUST get events, and one that does not MUST get one document.",
    traffic: async (lab) => {
      // Answered by the pod itself: it streams where it is asked to.
      await exchange(lab, { label: WHOLE, body: completionBody(lab) });
      await exchange(lab, { label: STREAMED, body: completionBody(lab, { stream: true }) });
    },
    missing: unreached,
    finding: (exchanges) => {
      const wrong = exchanges.find(
        ({ label, status, attempts, body }) =>
          status === 200 && attempts.length > 0 && (parseLatin(body) === undefined) !== (label === STREAMED),
      );
      if (wrong === undefined) return undefined;
      return wrong.label === WHOLE
        ? { reason: "stream-not-asked", detail: "a client that asked for no stream got no JSON document" }
        : { reason: "stream-not-given", detail: "a client that asked for a stream got one JSON document" };
    },
  }),
];
