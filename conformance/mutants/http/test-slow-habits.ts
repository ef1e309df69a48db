/** Proxies that take their time, as long as they claim: a careless kit would judge them before it is over. All of it conforms. */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { PodAddress } from "../../adapters/router-under-test.ts";
import { RightProxy } from "./right-proxy.ts";

/** Each piece of an answer is passed on so much later, and after the one before. */
const PIECE_MS = 300;

export class TakesItsTime extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) {
      await sleep(PIECE_MS);
      yield piece;
    }
  }
}

/** Uses other pods than before only after a part of the time that it claims to need for that. */
abstract class ChangesLater extends RightProxy {
  #isClosed = false;

  protected later(ms: number, change: () => void): void {
    setTimeout(() => {
      if (!this.#isClosed) change();
    }, ms);
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
    await super.close();
  }
}

/** Of pods that come or go it takes note within its declared time. */
export class NoticesPodsLate extends ChangesLater {
  override use(pods: readonly PodAddress[]): void {
    const { convergenceMs = 0 } = this.habits;
    if (this.pods.length === 0) super.use(pods);
    else this.later(convergenceMs / 2, () => super.use(pods));
  }
}

/** Of its workers one takes note at once, the others later: who asks then may meet either. */
export class NoticesByWorker extends ChangesLater {
  #isStarted = false;

  override use(pods: readonly PodAddress[]): void {
    const { convergenceMs = 0 } = this.habits;
    const before = this.pods;
    super.use(pods);
    if (this.#isStarted) {
      this.later(convergenceMs / 8, () => super.use(before));
      this.later(convergenceMs / 2, () => super.use(pods));
    }
    this.#isStarted = true;
  }
}

/** After a start, and after a pod came, it herds on those that it had before. */
export class HerdsOnOldPods extends ChangesLater {
  #latest: readonly PodAddress[] = [];

  override use(pods: readonly PodAddress[]): void {
    const { settleMs = 0 } = this.habits;
    const old = pods.filter(({ name }) => this.pods.some((known) => known.name === name));
    super.use(old.length > 0 ? old : pods.slice(0, 1));
    this.later(settleMs / 2, () => super.use(this.#latest));
    this.#latest = pods;
  }
}

/** It reads its configuration anew for every change: whoever took connections before hangs up on those that are idle. */
export class HangsUpOnChange extends ChangesLater {
  override use(pods: readonly PodAddress[]): void {
    super.use(pods);
    const { convergenceMs = 0 } = this.habits;
    this.hangUp();
    for (const share of [0.1, 0.3, 0.5]) this.later(share * convergenceMs, () => this.hangUp());
  }
}
