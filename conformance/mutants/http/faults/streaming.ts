/** Wrong in the bytes of an answer, in their pace, or in what follows when a pod breaks them off. */
import type { IncomingMessage } from "node:http";
import { bodyOf } from "../body-of.ts";
import type { Attempt, Flight } from "../call.ts";
import { replyTo, RightProxy, statusOf } from "../right-proxy.ts";

/** An answer is collected whole before any of it is passed on. */
export class BuffersStreams extends RightProxy {
  protected override async passBack(attempt: Attempt, reply: IncomingMessage): Promise<void> {
    const whole = await bodyOf(reply);
    if (whole === undefined) throw new Error("the pod broke its answer off");
    this.begin(attempt, reply);
    attempt.flight.client.end(whole);
  }
}

/** Of a stream the first 64 kB pass. */
export class CutsLongStreams extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    let passedBytes = 0;
    for await (const piece of super.pieces(reply)) {
      passedBytes += piece.length;
      if (passedBytes <= 64 * 1024) yield piece;
    }
  }
}

/** Line endings of an event stream are tidied. */
export class ReEncodesEvents extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) yield Buffer.from(piece.toString().replaceAll("\r\n", "\n"));
  }
}

/** The pod's usage count does not reach the client. */
export class DropsUsage extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) yield Buffer.from(piece.toString().replace('"usage":', '"used": '));
  }
}

/** The body of a pod's error becomes the message of another. */
export class WrapsErrors extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) {
      yield statusOf(reply) < 400 ? piece : Buffer.from(JSON.stringify({ error: { message: piece.toString() } }));
    }
  }
}

/** A stream that pauses for a second is cut. */
export class ImpatientWithPauses extends RightProxy {
  protected override pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    reply.setTimeout(1_000, () => reply.destroy(new Error("idle")));
    return super.pieces(reply);
  }
}

/** A pod is read as fast as it answers, however slow the client is. */
export class ReadsAhead extends RightProxy {
  protected override async drained(): Promise<void> {}
}

/** A stream that its pod broke off ends with [DONE]. */
export class EndsBrokenStreamsCleanly extends RightProxy {
  protected override async breakOff({ client }: Flight): Promise<void> {
    client.end("data: [DONE]\n\n");
  }
}

/** A stream that its pod broke off ends without a word, as HTTP ends a whole one. */
export class EndsBrokenStreamsQuietly extends RightProxy {
  protected override async breakOff({ client }: Flight): Promise<void> {
    client.end();
  }
}

/** A stream that its pod broke off goes on from another pod. */
export class SplicesAnotherPod extends RightProxy {
  protected override async breakOff(flight: Flight): Promise<void> {
    return this.hasUntried(flight) ? this.attempt(flight) : super.breakOff(flight);
  }
}

/** A request whose answer broke off is sent to another pod, whose answer is thrown away. */
export class RepeatsAfterFirstByte extends RightProxy {
  protected override async breakOff(flight: Flight): Promise<void> {
    const other = this.pods.find(({ name }) => !flight.tried.has(name));
    if (other !== undefined) await replyTo(this.send(flight, new URL(other.url))).then(bodyOf, () => undefined);
    return super.breakOff(flight);
  }
}

/** A stream is over when `[DONE]` stands anywhere in it, be it in its text. */
export class EndsAtDoneInText extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) {
      const done = piece.indexOf("[DONE]");
      if (done < 0) yield piece;
      else return yield piece.subarray(0, piece.indexOf("\n\n", done) + 2);
    }
  }
}

/** Each piece is read by itself: of an event that comes in several, the parts are lost. */
export class ReadsPiecesAlone extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    const isStream = reply.headers["content-type"]?.startsWith("text/event-stream") === true;
    for await (const piece of super.pieces(reply)) if (!isStream || /\n\r?\n$/.test(piece.toString())) yield piece;
  }
}

/** The end of a stream is not passed on. */
export class NeverEndsStreams extends RightProxy {
  protected override async passBack(attempt: Attempt, reply: IncomingMessage): Promise<void> {
    const isStream = reply.headers["content-type"]?.startsWith("text/event-stream") === true;
    if (!isStream) return super.passBack(attempt, reply);
    this.begin(attempt, reply);
    for await (const piece of this.pieces(reply)) attempt.flight.client.write(piece);
  }
}

/** Every answer names the model as the proxy calls it, in as many letters: who reads by the length of a body waits for none. */
export class RenamesTheModel extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) {
      const renamed = (_whole: string, name: string): string => `"model":"${"x".repeat(name.length)}"`;
      yield Buffer.from(piece.toString("latin1").replace(/"model":"([^"]*)"/, renamed), "latin1");
    }
  }
}
