/** Wrong in which pod gets a request, in which are left out, or in what is made of how pods are. */
import type { IncomingMessage } from "node:http";
import type { Outcome } from "../../../../fixtures/routing.ts";
import type { PodAddress } from "../../../adapters/router-under-test.ts";
import { type Attempt, type Flight, Refusal, waiting } from "../call.ts";
import { PodWatch } from "../pod-watch.ts";
import { POD_HEADER, RightProxy, statusOf } from "../right-proxy.ts";

const TARGET_HEADERS = ["x-gateway-destination-endpoint", "target-pod", "x-worker-id"];
const MANY_WAITING = 4;
const MOST_REFUSED = 5;

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

/** Pods that are blamed for enough are left out, unless all are. */
abstract class LeavesOutBlamedPods extends RightProxy {
  readonly #blame = new Map<string, number>();

  protected blame(pod: string): void {
    this.#blame.set(pod, (this.#blame.get(pod) ?? 0) + 1);
  }

  protected override choose(flight: Flight): Attempt {
    const blamed = this.pods.filter(({ name }) => (this.#blame.get(name) ?? 0) >= MOST_REFUSED);
    if (blamed.length < this.pods.length) for (const { name } of blamed) flight.tried.add(name);
    return super.choose(flight);
  }
}

/** A pod that refused several requests with a 4xx is left out, unless all are. */
export class LeavesOutRefusingPods extends LeavesOutBlamedPods {
  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    const reply = await super.forward(attempt);
    if (statusOf(reply) >= 400 && statusOf(reply) < 500) this.blame(attempt.pod);
    return reply;
  }
}

/** A pod whose streams several clients left is left out, unless all are. */
export class LeavesOutLeftPods extends LeavesOutBlamedPods {
  protected override leave(attempt: Attempt): void {
    super.leave(attempt);
    this.blame(attempt.pod);
  }
}

/** What pods say of their load is heeded once all have said something. */
export class HeedsWholeRounds extends RightProxy {
  readonly #heard = new Map<PodAddress, number | undefined>();

  override heardLoad(pod: PodAddress, load: number | undefined): void {
    this.#heard.set(pod, load);
    if (this.pods.some((each) => !this.#heard.has(each))) return;
    for (const each of this.#heard) super.heardLoad(...each);
    this.#heard.clear();
  }
}

/** Pods' metrics are read when the pods come, and never again. */
export class ReadsMetricsOnce extends RightProxy {
  override scrapeMs(): number {
    return 2 ** 31 - 1;
  }
}

/** A pod whose streams several clients left is left out. */
export class BlamesPodsForLeavers extends RightProxy {
  readonly #left = new Map<string, number>();

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    if ((this.#left.get(attempt.pod) ?? 0) >= MOST_REFUSED) throw new Refusal(503, "no pod is well");
    return super.forward(attempt);
  }

  protected override leave(attempt: Attempt): void {
    super.leave(attempt);
    this.#left.set(attempt.pod, (this.#left.get(attempt.pod) ?? 0) + 1);
  }
}

/** A prompt is learnt for the pod that was tried first, whoever served it. */
export class CreditsTheFirstTry extends RightProxy {
  protected override end(attempt: Attempt): void {
    const [first] = attempt.flight.tried;
    super.end(attempt, first === attempt.pod ? "ok" : "error");
  }
}

/** A prompt is learnt for every pod that it was tried at. */
export class CreditsEveryTry extends RightProxy {
  protected override end(attempt: Attempt): void {
    super.end(attempt, "ok");
  }
}

/** When a pod that refused connections answers again, all that was learnt is forgotten. */
export class ForgetsWhenAPodRecovers extends RightProxy {
  readonly #refused = new Set<string>();

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    try {
      const reply = await super.forward(attempt);
      if (this.#refused.delete(attempt.pod)) {
        const { pods } = this;
        this.use([]);
        this.use(pods);
      }
      return reply;
    } catch (error) {
      this.#refused.add(attempt.pod);
      throw error;
    }
  }
}

/** Pods are asked for their metrics, or how they are, one after the other, and waited for without end. */
export class AsksInTurn extends RightProxy {
  override watch(...watched: ConstructorParameters<typeof PodWatch>): PodWatch {
    return new LooksInTurn(...watched);
  }
}

class LooksInTurn extends PodWatch {
  protected override async lookAt(pods: readonly PodAddress[]): Promise<void> {
    for (const pod of pods) await this.look(pod);
  }
}
