/** STR-08: a slow client slows its pod, instead of filling the router. */
import type { Case } from "../../case.ts";
import {
  completionBody,
  EMPTY_ANSWER,
  EVENT_STREAM,
  exchange,
  httpOf,
  newRequestId,
  noted,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { httpCase } from "../trials/http-case.ts";

const PIECE_BYTES = 2 ** 18;
/** Far more than the socket buffers of two connections and a router's own may hold. */
const STREAM_BYTES = 2 ** 27;
const MOST_HELD_BYTES = 2 ** 25;
/** The kernel's share, which is no fault of the router: receive buffers may grow to 32 MiB, send buffers to 4 MiB each. */
const KERNEL_BYTES = 40 * 2 ** 20;
/** A pod that gets rid of nothing so many times for so long is held back: one wait alone may be a busy machine's. */
const STALLED_MS = 100;
const STALLS = 4;

const SENT = "bytes-that-left-the-pod";

export const backPressureCases: readonly Case[] = [
  httpCase({
    id: "STR-08",
    level: "SHOULD",
    requirement: "R-STR-8",
    title: "A client that stops reading SHOULD stop its pod: at most 32 MiB of an answer are under way.",
    traffic: async (lab) => {
      const http = httpOf(lab);
      const requestId = newRequestId(lab);
      const piece = new Uint8Array(PIECE_BYTES).fill(0x78);
      http.pods.script({
        requestId,
        reply: {
          kind: "respond",
          status: 200,
          headers: EVENT_STREAM,
          body: Array.from({ length: STREAM_BYTES / PIECE_BYTES }, () => piece),
        },
      });
      const body = completionBody(lab, { stream: true });
      const head = {
        host: new URL(http.routerUrl).host,
        "content-type": "application/json",
        "x-request-id": requestId,
      };
      const connection = await http.connect();
      const fields = { ...http.headers, ...head, "content-length": String(Buffer.byteLength(body)) };
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      connection.write(`POST /v1/completions HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
      const sent = (): number => http.pods.seen(requestId)[0]?.sentBytes ?? 0;
      await http.pods.waitUntil(requestId, () => sent() > 0, PATIENCE_MS).catch(() => undefined);
      for (let stalls = 0; stalls < STALLS && sent() < STREAM_BYTES;) {
        const before = sent();
        await http.pods.waitUntil(requestId, () => sent() > before, STALLED_MS).catch(() => undefined);
        stalls = sent() > before ? 0 : stalls + 1;
      }
      lab.note(SENT, sent());
      await exchange(lab, { label: "another client meanwhile", reply: EMPTY_ANSWER });
      connection.close();
      await http.pods
        .waitUntil(requestId, (seen) => seen.every(({ ended }) => ended !== undefined), PATIENCE_MS)
        .catch(() => undefined);
    },
    missing: (_exchanges, observation) =>
      Number(noted(observation, SENT) ?? 0) === 0 ? "no byte of the answer left the pod" : undefined,
    measured: (observation) => `${mebibytes(noted(observation, SENT))} were under way when the pod was held back`,
    finding: ([other], _profile, observation) => {
      if (other !== undefined && other.status !== 200) {
        return { reason: "slow-client-blocks-others", detail: `meanwhile another client got status ${other.status}` };
      }
      const bytes = Number(noted(observation, SENT) ?? 0);
      if (bytes <= MOST_HELD_BYTES + KERNEL_BYTES) return undefined;
      return {
        reason: "pod-not-held-back",
        detail: `the client read nothing, and ${mebibytes(bytes)} of the answer left the pod`,
        observed: [mebibytes(bytes)],
      };
    },
  }),
];

const mebibytes = (bytes: unknown): string => `${(Number(bytes) / 2 ** 20).toFixed(1)} MiB`;
