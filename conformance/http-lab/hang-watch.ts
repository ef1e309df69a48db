/**
 * Finds requests that the router takes and leaves hanging, and ends the case for it: none can pass then, and each wait is long.
 *
 * A router may keep a request back while pods are busy, and while some failed on purpose. So the pods are asked, and freed,
 * before it is said that nothing was in its way.
 */
import type { CaseRun } from "./case-run.ts";
import type { Hang } from "./patience.ts";

export interface WatchedRequest {
  readonly requestId: string;
  readonly label: string;
  readonly model: string;
}

/** Sent to see the router find its pods: it may not have found them yet. */
const UNSETTLED: ReadonlySet<string> = new Set(["warm-up", "converge"]);

export class HangWatch {
  readonly #run: CaseRun;
  readonly #freePods: () => Promise<void>;

  /** `freePods` ends what the case itself keeps open on them. */
  constructor(run: CaseRun, freePods: () => Promise<void>) {
    this.#run = run;
    this.#freePods = freePods;
  }

  patienceMs(hang: Hang): number {
    return this.#run.running.patience.ms(hang, this.#run.profile);
  }

  /** Calls `giveUp` when no pod has seen the request in time, which is `grantedMs` at least. To be ended when it is answered. */
  untilForwarded(request: WatchedRequest, giveUp: () => void, grantedMs = 0): { readonly end: () => void } {
    let waits = true;
    const late = async (): Promise<void> => {
      if (this.#wasSeen(request)) return;
      const queued = this.#podsAreBusy() && (await this.#comesToFreePods(request));
      if (!waits) return;
      if (queued) this.#settleQueued(request);
      else this.notForwarded(request);
      giveUp();
    };
    const { running, profile } = this.#run;
    const patienceMs = running.patience.ms("request-not-forwarded", profile);
    const isLost = running.patience.isLost("request-not-forwarded");
    const timer = setTimeout(() => void late(), isLost ? patienceMs : Math.max(patienceMs, grantedMs));
    const end = (): void => {
      waits = false;
      clearTimeout(timer);
    };
    return { end };
  }

  /** It was waited for in vain, and no pod saw it. */
  notForwarded(request: WatchedRequest): void {
    if (this.#podsAreBusy()) this.#settleQueued(request);
    else this.#settle("request-not-forwarded", request, "reached no pod");
  }

  /** Its pod's answer has ended, and its client still has no end of it. */
  notAnswered(request: WatchedRequest): void {
    const seen = this.#run.pods.stage.seen(request.requestId);
    if (seen.length === 0 || seen.some(({ ended }) => ended?.how !== "finished")) return;
    this.#settle(
      "request-not-answered",
      request,
      `was answered by ${seen.map(({ pod }) => pod).join(", ")} to the end`,
    );
  }

  #settle(hang: Hang, { requestId, label, model }: WatchedRequest, fate: string): void {
    const { running, pods, end } = this.#run;
    if (end.judgement !== undefined) return;
    const waitedMs = this.patienceMs(hang);
    running.patience.wasInVain(hang);
    const isServed = pods.present.some((pod) => pods.modelsOf(pod).includes(model));
    const failed = pods.present.some(({ name }) => pods.stage.tainted.has(name));
    if (UNSETTLED.has(label) || !isServed || failed) return;
    end.settle({
      verdict: "fail",
      reason: hang,
      detail: `${label} ${requestId} ${fate}, and its client waited ${waitedMs / 1000} s in vain, although ${pods.present.length} pods were up and kept by nothing`,
      expected: pods.present.map(({ name }) => name),
      observed: pods.stage.seen(requestId).map(({ pod }) => pod),
    });
  }

  #settleQueued({ requestId, label }: WatchedRequest): void {
    if (UNSETTLED.has(label)) return;
    this.#run.end.settle({
      verdict: "inconclusive",
      reason: "request-queued",
      detail: `${label} ${requestId} reached no pod while others were kept open there: the router keeps requests back from busy pods, and the case needs them to be there at once`,
    });
  }

  /** Whether a pod sees it once nothing is kept open. */
  async #comesToFreePods(request: WatchedRequest): Promise<boolean> {
    await this.#freePods();
    const seen = this.#run.pods.stage.waitUntil(
      request.requestId,
      ({ length }) => length > 0,
      this.patienceMs("request-not-forwarded"),
    );
    return seen.then(
      () => true,
      () => false,
    );
  }

  #wasSeen({ requestId }: WatchedRequest): boolean {
    return this.#run.pods.stage.seen(requestId).length > 0;
  }

  #podsAreBusy(): boolean {
    return this.#run.pods.stage.sightings.areOpen();
  }
}
