/** Wrong in what is counted as load, and until when. */
import type { IncomingMessage } from "node:http";
import type { Outcome } from "../../../../fixtures/routing.ts";
import { type Attempt, type Flight, waiting } from "../call.ts";
import { RightProxy, statusOf } from "../right-proxy.ts";

const MANY_WAITING = 4;

/** While others wait, requests that end at the first pod stay counted. */
export class LosesEndsUnderLoad extends RightProxy {
  protected override end(attempt: Attempt, outcome: Outcome): void {
    const isLost = waiting(this.open) >= MANY_WAITING && attempt.pod === this.pods[0]?.name;
    if (isLost) this.open.delete(attempt);
    else super.end(attempt, outcome);
  }
}

/** Requests that their pod refused with a 4xx stay counted: no retry, no breaker and no finish takes them off. */
export class CountsClientErrors extends RightProxy {
  readonly #refused = new WeakSet<Attempt>();

  protected override begin(attempt: Attempt, reply: IncomingMessage): void {
    const status = statusOf(reply);
    if (status >= 400 && status < 500) this.#refused.add(attempt);
    super.begin(attempt, reply);
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    if (this.#refused.has(attempt)) this.open.delete(attempt);
    else super.end(attempt, outcome);
  }
}

/** Requests whose client left before the head of an answer stay counted: what takes them off stands behind the wait for it. */
export class LosesEarlyLeavers extends RightProxy {
  protected override end(attempt: Attempt, outcome: Outcome): void {
    if (outcome === "aborted" && !attempt.isAnswered) this.open.delete(attempt);
    else super.end(attempt, outcome);
  }
}

/** Requests whose pod refused the connection stay counted. */
export class LosesRefusedEnds extends RightProxy {
  readonly #refused = new WeakSet<Attempt>();

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    try {
      return await super.forward(attempt);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") this.#refused.add(attempt);
      throw error;
    }
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    if (this.#refused.has(attempt)) this.open.delete(attempt);
    else super.end(attempt, outcome);
  }
}

/** No request counts as load. */
export class CountsNothing extends RightProxy {
  protected override choose(flight: Flight): Attempt {
    const attempt = super.choose(flight);
    super.end(attempt, "ok");
    this.open.add(attempt);
    return attempt;
  }
}

/** What is not streamed does not count as load. */
export class CountsStreamsAlone extends RightProxy {
  protected override choose(flight: Flight): Attempt {
    const attempt = super.choose(flight);
    if (flight.facts.fields["stream"] === true) return attempt;
    super.end(attempt, "ok");
    this.open.add(attempt);
    return attempt;
  }
}

/** A request that is tried again counts at every pod that it was tried at until it is over. */
export class CountsEveryTry extends RightProxy {
  protected override end(attempt: Attempt, outcome: Outcome): void {
    const { client } = attempt.flight;
    const isOver = client.writableEnded || client.destroyed;
    if (isOver) super.end(attempt, outcome);
    else client.once("close", () => super.end(attempt, outcome));
  }
}

/** Requests whose pod did not begin to answer in time stay counted. */
export class LosesTimedOutEnds extends RightProxy {
  readonly #tired = new WeakSet<Attempt>();

  protected override tire(attempt: Attempt): void {
    this.#tired.add(attempt);
    super.tire(attempt);
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    if (this.#tired.has(attempt)) this.open.delete(attempt);
    else super.end(attempt, outcome);
  }
}

/** A request counts until the first byte of its answer, not until the last. */
export class CountsUntilTheFirstByte extends RightProxy {
  protected override begin(attempt: Attempt, reply: IncomingMessage): void {
    super.begin(attempt, reply);
    this.end(attempt, "ok");
  }
}

/** A stream that its pod broke off stays counted. */
export class CountsBrokenStreams extends RightProxy {
  protected override async passBack(attempt: Attempt, reply: IncomingMessage): Promise<void> {
    try {
      await super.passBack(attempt, reply);
    } catch (error) {
      this.open.delete(attempt);
      throw error;
    }
  }
}

/** A stream that ends without [DONE] stays counted. */
export class CountsUntilDone extends RightProxy {
  readonly #streams = new WeakSet<IncomingMessage>();

  protected override async passBack(attempt: Attempt, reply: IncomingMessage): Promise<void> {
    if (reply.headers["content-type"]?.startsWith("text/event-stream") === true) this.#streams.add(reply);
    await super.passBack(attempt, reply);
    if (this.#streams.has(reply)) this.open.delete(attempt);
  }

  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) {
      if (piece.includes("data: [DONE]")) this.#streams.delete(reply);
      yield piece;
    }
  }
}
