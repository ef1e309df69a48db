/** Wrong in which pod gets a request, or in what the router is told of its end. */
import type { IncomingMessage } from "node:http";
import type { Outcome } from "../../../../fixtures/routing.ts";
import type { PodAddress } from "../../../adapters/router-under-test.ts";
import { type Attempt, type Flight, Refusal } from "../call.ts";
import { POD_HEADER, RightProxy, statusOf } from "../right-proxy.ts";

const TARGET_HEADERS = ["x-gateway-destination-endpoint", "target-pod", "x-worker-id"];
const MANY_WAITING = 4;
const MOST_REFUSED = 5;

const waiting = (open: ReadonlySet<Attempt>): number => [...open].filter(({ isAnswered }) => !isAnswered).length;

/** A client that sends back what a response said of its pod gets that pod again. */
export class FollowsItsOwnHeader extends RightProxy {
  protected override target(attempt: Attempt): URL {
    const named = attempt.flight.incoming.headers[POD_HEADER];
    return super.target(typeof named === "string" ? { ...attempt, pod: named } : attempt);
  }
}

/** The client names the address that gets the request. */
export class FollowsTargetHeader extends RightProxy {
  protected override target(attempt: Attempt): URL {
    const { headers } = attempt.flight.incoming;
    const named = TARGET_HEADERS.map((name) => headers[name]).find((value) => typeof value === "string");
    return named === undefined ? super.target(attempt) : new URL(`http://${named}`);
  }
}

/** While others wait, requests go to the first pod. */
export class GuessesUnderLoad extends RightProxy {
  protected override target(attempt: Attempt): URL {
    const [first] = this.pods;
    return first !== undefined && waiting(this.open) > MANY_WAITING ? new URL(first.url) : super.target(attempt);
  }
}

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

/** Of a prompt that was under way several times at once, nothing is learnt. */
export class ForgetsSimultaneousFirsts extends RightProxy {
  readonly #twins = new WeakSet<Attempt>();

  protected override choose(flight: Flight): Attempt {
    const attempt = super.choose(flight);
    const same = [...this.open].filter(({ flight: { facts } }) => facts.route.prompt === flight.facts.route.prompt);
    if (same.length > 1) for (const twin of same) this.#twins.add(twin);
    return attempt;
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    super.end(attempt, this.#twins.has(attempt) ? "error" : outcome);
  }
}

/** Who writes the index last wins: what others wrote while it did is lost. */
export class LosesUpdates extends RightProxy {
  readonly #lost = new WeakSet<Attempt>();

  protected override choose(flight: Flight): Attempt {
    for (const other of this.open) if (!other.isAnswered) this.#lost.add(other);
    return super.choose(flight);
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    super.end(attempt, this.#lost.has(attempt) ? "error" : outcome);
  }
}

/** A pod that calls itself unhealthy is used like any other. */
export class IgnoresHealth extends RightProxy {
  override takesForWell(): boolean {
    return true;
  }
}

/** A pod that was unhealthy once stays out. */
export class NeverReadmitsPods extends RightProxy {
  readonly #out = new Set<string>();

  override takesForWell(pod: PodAddress, isWell: boolean): boolean {
    if (!isWell) this.#out.add(pod.name);
    return !this.#out.has(pod.name);
  }
}

/** A pod that failed several times stays out. */
export class NeverClosesItsBreaker extends RightProxy {
  protected override recoveryMs(): number {
    return Infinity;
  }
}

/** A pod whose metrics cannot be read is taken for idle. */
export class FailedScrapeIsIdle extends RightProxy {
  override heardLoad(pod: PodAddress, load = 0): void {
    super.heardLoad(pod, load);
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

/** While any pod's metrics cannot be read, nothing is served. */
export class NeedsEveryMetric extends RightProxy {
  readonly #silent = new Set<string>();

  override heardLoad(pod: PodAddress, load: number | undefined): void {
    if (load === undefined) this.#silent.add(pod.name);
    else this.#silent.delete(pod.name);
    super.heardLoad(pod, load);
  }

  protected override choose(flight: Flight): Attempt {
    if (this.#silent.size > 0) throw new Refusal(503, "the load of a pod is not known");
    return super.choose(flight);
  }
}

/** A pod that refused several requests with a 4xx is left out. */
export class BlamesPodsForClients extends RightProxy {
  readonly #refused = new Map<string, number>();

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    if ((this.#refused.get(attempt.pod) ?? 0) >= MOST_REFUSED) throw new Refusal(503, "no pod is well");
    const reply = await super.forward(attempt);
    const refused = statusOf(reply) >= 400 ? 1 : 0;
    this.#refused.set(attempt.pod, (this.#refused.get(attempt.pod) ?? 0) + refused);
    return reply;
  }
}

/** Pods' metrics are read when the pods come, and never again. */
export class ReadsMetricsOnce extends RightProxy {
  override scrapeMs(): number {
    return 2 ** 31 - 1;
  }
}
