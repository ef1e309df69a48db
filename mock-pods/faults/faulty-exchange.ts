/** An exchange that goes wrong: the faults that struck it stand between the pod's face and the client. */
import type { Clock } from "../../fixtures/clock.ts";
import type { Exchange, HeaderPairs, Reply, ReplyStream } from "../server/http/exchange.ts";
import { JoinedTextEvent } from "../server/http/text-event.ts";
import type { RequestRecord } from "../server/http/recorder.ts";
import type { RequestFault } from "./active-faults.ts";
import type { FaultOf } from "./fault.ts";

/** Hands the exchange on to `answer`, unless a fault answers it, or nobody does. */
export function answerWithFaults(
  exchange: Exchange,
  faults: readonly RequestFault[],
  clock: Clock,
  answer: (exchange: Exchange) => void,
): void {
  let next = exchange;
  for (const fault of faults) {
    switch (fault.kind) {
      case "error":
        return refuse(next, fault);
      case "hang":
        return next.reply.onGone(() => next.record.ended("disconnected"));
      case "reset":
        if ((fault.afterChunks ?? 0) === 0) return new Break(next).reset();
        next = cutAfter(next, fault.afterChunks ?? 0, (end) => end.reset());
        break;
      case "truncate":
        next = cutAfter(next, fault.afterChunks ?? 1, (end) => end.finish());
        break;
      case "stall":
        next = cutAfter(next, fault.afterChunks ?? 1, (end) => end.fallSilent());
        break;
      case "drip":
        next = { ...next, reply: dripping(next.reply, fault.everyMs, clock) };
        break;
      case "split":
        next = { ...next, reply: splitting(next.reply, fault.bytes) };
        break;
      case "malformed-json":
        next = { ...next, reply: malformed(next.reply, fault.chunk ?? 0) };
    }
  }
  answer(next);
}

function refuse({ reply, record }: Exchange, { status, message = "injected fault" }: FaultOf<"error">): void {
  const type = status === 503 ? "Service Unavailable" : status < 500 ? "BadRequestError" : "InternalServerError";
  const body = JSON.stringify({ error: { message, type, param: null, code: status } });
  const length = String(new TextEncoder().encode(body).length);
  const headers = [
    ["server", "uvicorn"],
    ["content-length", length],
    ["content-type", "application/json"],
  ] as const;
  reply.send(status, headers, body);
  record.ended("finished", status, undefined, Number(length));
}

/** The end of an exchange that the pod did not choose. */
class Break {
  readonly #reply: Reply;
  readonly #record: RequestRecord;
  readonly #goneActions: (() => void)[] = [];
  stream: ReplyStream | undefined;
  broken = false;

  constructor({ reply, record }: Exchange) {
    this.#reply = reply;
    this.#record = record;
  }

  /** What the face wants done when its client leaves; a broken connection frees the engine the same way. */
  onGone(action: () => void): void {
    this.#goneActions.push(action);
    this.#reply.onGone(action);
  }

  reset(): void {
    this.broken = true;
    this.#record.ended("failed");
    this.#reply.reset();
  }

  finish(): void {
    this.broken = true;
    this.#record.ended("failed", 200);
    this.stream?.end();
    for (const action of this.#goneActions) action();
  }

  /** The engine goes on; nobody hears of it. */
  fallSilent(): void {
    this.broken = true;
    this.#reply.onGone(() => this.#record.ended("disconnected", 200));
  }
}

/** After so many chunks `breaks` happens and nothing more is sent. A whole answer is broken before it is sent. */
function cutAfter(exchange: Exchange, afterChunks: number, breaks: (end: Break) => void): Exchange {
  const end = new Break(exchange);
  let left = afterChunks;
  const { record } = exchange;
  const reply: Reply = {
    ...passing(exchange.reply),
    onGone: (action) => end.onGone(action),
    send: () => breaks(end),
    open(status, headers) {
      const stream = exchange.reply.open(status, headers);
      end.stream = stream;
      if (left === 0) breaks(end);
      return {
        ...passingStream(stream),
        write(text) {
          if (end.broken) return;
          stream.write(text);
          left -= 1;
          if (left === 0) breaks(end);
        },
        end() {
          if (!end.broken) stream.end();
        },
      };
    },
  };
  return { ...exchange, reply, record: unlessBroken(record, end) };
}

/** A face that thinks it has finished does not end the record of a broken exchange. */
function unlessBroken(record: RequestRecord, end: Break): RequestRecord {
  return {
    entry: record.entry,
    tokenized: (tokens) => record.tokenized(tokens),
    admitted: (tokens) => record.admitted(tokens),
    produces: (count) => record.produces(count),
    firstToken: (atMs) => record.firstToken(atMs),
    ended: (how, ...rest) => {
      if (!end.broken) record.ended(how, ...rest);
    },
  };
}

function dripping(reply: Reply, everyMs: number, clock: Clock): Reply {
  let dueMs = 0;
  const later = (action: () => void): void => {
    dueMs = Math.max(dueMs, clock.nowMs()) + everyMs;
    clock.at(dueMs, action);
  };
  return {
    ...passing(reply),
    send: (status, headers, body, isLast) => later(() => reply.send(status, headers, body, isLast)),
    open(status, headers) {
      const stream = reply.open(status, headers);
      return {
        ...passingStream(stream),
        write: (text) => later(() => stream.write(text)),
        end: () => later(() => stream.end()),
      };
    },
  };
}

function splitting(reply: Reply, bytes: number): Reply {
  return {
    ...passing(reply),
    open(status, headers) {
      const stream = reply.open(status, headers);
      return {
        ...passingStream(stream),
        write(text) {
          const whole = new TextEncoder().encode(text);
          for (let at = 0; at < whole.length; at += bytes) stream.writeBytes(whole.subarray(at, at + bytes));
        },
      };
    },
  };
}

function malformed(reply: Reply, chunk: number): Reply {
  return {
    ...passing(reply),
    send(status, headers, body) {
      const half = body.slice(0, body.length >> 1);
      reply.send(status, withLength(headers, half), half);
    },
    open(status, headers) {
      const stream = reply.open(status, headers);
      let sent = 0;
      const half = (text: string) => `${text.slice(0, text.length >> 1)}\n\n`;
      return { ...passingStream(stream), write: (text) => stream.write(sent++ === chunk ? half(text) : text) };
    },
  };
}

/** Hands everything on; to be overridden in part. */
function passing(reply: Reply): Reply {
  return {
    send: (status, headers, body, isLast) => reply.send(status, headers, body, isLast),
    open: (status, headers) => reply.open(status, headers),
    onGone: (action) => reply.onGone(action),
    reset: () => reply.reset(),
    hangUp: () => reply.hangUp(),
  };
}

function passingStream(stream: ReplyStream): ReplyStream {
  return {
    write: (text) => stream.write(text),
    writeBytes: (bytes) => stream.writeBytes(bytes),
    textEvent(before, after) {
      return new JoinedTextEvent(this, before, after);
    },
    end: () => stream.end(),
  };
}

function withLength(headers: HeaderPairs, body: Uint8Array | string): HeaderPairs {
  const length = typeof body === "string" ? new TextEncoder().encode(body).length : body.length;
  return headers.map(([name, value]) => [name, name === "content-length" ? String(length) : value] as const);
}
