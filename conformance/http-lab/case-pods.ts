/** The pods of one case over HTTP: those that the router was told of, and how they change. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Pod } from "../../mock-pods/pod/pod.ts";
import type { Held } from "../lab.ts";
import type { CaseRequests } from "./case-requests.ts";
import type { CaseRun } from "./case-run.ts";
import { convergenceMsOf } from "../router-profile.ts";

const WARM_UP_EVERY_MS = 100;

export class CasePods {
  readonly #run: CaseRun;
  readonly #requests: CaseRequests;
  /** Every pod this case has known, for those that return. */
  readonly #known = new Map<string, Pod>();

  constructor(run: CaseRun, requests: CaseRequests) {
    this.#run = run;
    this.#requests = requests;
  }

  /**
   * A router that calls itself ready may still be finding its pods: waits until it serves, and until it has been seen to
   * use each pod or the time it claims for that is over. One that never serves is for the cases to judge.
   */
  async warmUp(): Promise<void> {
    const { patience } = this.#run.running;
    const deadline = this.#run.nowMs() + patience.ms("first-answer", this.#run.profile);
    while (this.#run.nowMs() < deadline) {
      const { status, pod } = await this.#requests.send(this.#run.corpus.namespace().prompt([]), { label: "warm-up" });
      if (pod !== null && status === 200) return this.#converge(this.#run.pods.present);
      if (patience.isSpent) return;
      await sleep(WARM_UP_EVERY_MS);
    }
    patience.wasInVain("first-answer");
  }

  /** Before the case: the router gets other pods. */
  async adopt(pods: readonly Pod[]): Promise<void> {
    const added = pods.filter((pod) => !this.#run.pods.present.includes(pod));
    // What it still sends to a pod of the case before would be taken for a mistake in this one.
    const fewer = this.#run.pods.knowsMoreThan(pods);
    await this.#run.pods.tell(pods);
    await this.#converge(added, fewer);
  }

  begin(): void {
    for (const pod of this.#run.pods.present) this.#known.set(pod.name, pod);
    this.#recordPods("start", null);
  }

  names(): readonly string[] {
    return this.#run.pods.present.map(({ name }) => name);
  }

  async add(): Promise<string> {
    const pod = await this.#run.pods.add();
    await this.#change("add", pod.name, [...this.#run.pods.present, pod], [pod]);
    return pod.name;
  }

  async remove(name: string): Promise<void> {
    await this.#change("remove", name, this.#without(name), []);
  }

  async return(name: string): Promise<void> {
    const pod = this.#known.get(name);
    if (pod === undefined) throw new Error(`${name} was never there`);
    await this.#change("add", name, [...this.#run.pods.present, pod], [pod]);
  }

  async replace(name: string): Promise<string> {
    const pod = await this.#run.pods.add();
    const pods = this.#run.pods.present.map((other) => (other.name === name ? pod : other));
    await this.#run.pods.tell(pods);
    this.#known.set(pod.name, pod);
    this.#run.steps.push({
      kind: "pods",
      change: "remove",
      pod: name,
      pods: this.names().filter((other) => other !== pod.name),
      atMs: this.#run.nowMs(),
    });
    this.#recordPods("add", pod.name);
    await this.#converge([pod], true);
    return pod.name;
  }

  async reorder(): Promise<void> {
    await this.#run.pods.tell(this.#run.pods.present.toReversed());
    this.#recordPods("start", null);
    await this.#converge([], true);
  }

  #without(name: string): readonly Pod[] {
    return this.#run.pods.present.filter((pod) => pod.name !== name);
  }

  async #change(change: "add" | "remove", name: string, pods: readonly Pod[], added: readonly Pod[]): Promise<void> {
    await this.#run.pods.tell(pods);
    for (const pod of added) this.#known.set(pod.name, pod);
    this.#recordPods(change, name);
    await this.#converge(added, change === "remove");
  }

  /**
   * Waits until the router has taken note, no longer than it claims to need. A router that is told of a new pod by a call has
   * noticed it once a request reaches it: fresh prompts are held open one after the other, so that one that goes by load gets
   * to it. Of a list that its workers read each for itself one may know what another does not; and that a pod is gone cannot
   * be seen: there the claimed time is waited for.
   */
  async #converge(added: readonly Pod[], waits = false): Promise<void> {
    const convergenceMs = convergenceMsOf(this.#run.profile);
    if (convergenceMs === 0 || (added.length === 0 && !waits)) return;
    const { listsPods = true, restartsForPods = false } = this.#run.running.adapter;
    if (waits || (listsPods && !restartsForPods)) {
      await sleep(convergenceMs);
      return;
    }
    const deadline = this.#run.nowMs() + convergenceMs;
    const waiting = new Map(added.map((pod) => [pod.name, this.#run.pods.modelsOf(pod)]));
    const probes: Held[] = [];
    for (let pauseMs = 5; waiting.size > 0 && this.#run.nowMs() < deadline; pauseMs = Math.min(2 * pauseMs, 200)) {
      const [[model = ""] = []] = waiting.values();
      const probe = await this.#requests.hold(this.#run.corpus.namespace().prompt([]), { label: "converge", model });
      probes.push(probe);
      if (probe.step.pod !== null && waiting.delete(probe.step.pod)) continue;
      await sleep(Math.min(pauseMs, Math.max(0, deadline - this.#run.nowMs())));
    }
    await Promise.all(probes.map((probe) => probe.release()));
  }

  #recordPods(change: "start" | "add" | "remove", pod: string | null): void {
    const serving = this.#run.pods.serving();
    this.#run.steps.push({ kind: "pods", change, pod, pods: this.names(), ...serving, atMs: this.#run.nowMs() });
  }
}
