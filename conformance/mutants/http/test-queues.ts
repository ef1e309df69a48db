/** A conforming habit that no profile claims: a pod is given so many requests at once, and the others wait for it in a line. */
import type { Outcome } from "../../../fixtures/routing.ts";
import type { Attempt } from "./call.ts";
import { RightProxy } from "./right-proxy.ts";
import type { IncomingMessage } from "node:http";

const AT_ONCE = 1;

export class QueuesAtBusyPods extends RightProxy {
  readonly #atPod = new Map<string, number>();
  readonly #waiting: { readonly pod: string; readonly goOn: () => void }[] = [];
  readonly #forwarded = new WeakSet<Attempt>();

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    const { pod } = attempt;
    if ((this.#atPod.get(pod) ?? 0) >= AT_ONCE) {
      await new Promise<void>((goOn) => this.#waiting.push({ pod, goOn }));
    }
    this.#atPod.set(pod, (this.#atPod.get(pod) ?? 0) + 1);
    this.#forwarded.add(attempt);
    return super.forward(attempt);
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    super.end(attempt, outcome);
    if (!this.#forwarded.delete(attempt)) return;
    const { pod } = attempt;
    this.#atPod.set(pod, (this.#atPod.get(pod) ?? 1) - 1);
    const next = this.#waiting.findIndex((other) => other.pod === pod);
    if (next >= 0) this.#waiting.splice(next, 1)[0]?.goOn();
  }
}
