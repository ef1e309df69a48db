/** The lab over a function router under virtual time: nothing waits. */
import type { RandomStream } from "../../fixtures/random.ts";
import { Random } from "../../fixtures/random.ts";
import type { Outcome } from "../../fixtures/routing.ts";
import { createCorpus, type Corpus, type Prompt } from "../corpus/corpus.ts";
import type { Held, Lab, SendOptions } from "../lab.ts";
import type { Observation, SentStep, Step } from "../observation.ts";
import { settledAfterMs, windowPassedMs } from "../oracle/load-signal.ts";
import type { RouterProfile } from "../router-profile.ts";
import { ADAPTER, MODELS, type VirtualRouter } from "./virtual-router.ts";

export class FunctionLab implements Lab {
  readonly profile: RouterProfile;
  readonly models = MODELS;
  readonly adapter = ADAPTER;
  readonly random: RandomStream;
  readonly corpus: Corpus;
  readonly #running: VirtualRouter;
  readonly #caseId: string;
  readonly #seed: number;
  readonly #steps: Step[] = [];
  readonly #held = new Set<Held>();

  constructor(running: VirtualRouter, profile: RouterProfile, caseId: string, seed: number) {
    const streams = new Random(seed);
    this.#running = running;
    this.#caseId = caseId;
    this.#seed = seed;
    this.profile = profile;
    this.random = streams.stream(`case/${caseId}`);
    this.corpus = createCorpus(streams.stream(`corpus/${caseId}`));
    this.#recordPods("start", null);
  }

  observation(): Observation {
    return { caseId: this.#caseId, seed: this.#seed, transport: "function", steps: this.#steps };
  }

  pods(): readonly string[] {
    return this.#running.pods;
  }

  nowMs(): number {
    return this.#running.nowMs();
  }

  async send(prompt: Prompt, options: SendOptions): Promise<SentStep> {
    const failure = options.upstream === undefined || options.upstream === "ok" ? undefined : options.upstream;
    const step = this.#dispatch(prompt, options, false, failure?.status ?? 200);
    if (step.pod !== null) this.#finish(step.requestId, failure === undefined ? "ok" : "error");
    return this.#record({ ...step, endMs: this.nowMs() });
  }

  async hold(prompt: Prompt, options: SendOptions): Promise<Held> {
    const step = this.#dispatch(prompt, options, true, 200);
    this.#record(step);
    let open = step.pod !== null;
    const held: Held = {
      step,
      release: async (outcome = "ok") => {
        if (!open) return;
        open = false;
        this.#held.delete(held);
        this.#finish(step.requestId, outcome);
        this.#steps.push({ kind: "released", requestId: step.requestId, outcome, atMs: this.nowMs() });
      },
    };
    if (open) this.#held.add(held);
    return held;
  }

  async addPod(): Promise<string> {
    const name = this.#running.newPodName();
    this.#changePods("add", name, [...this.pods(), name]);
    return name;
  }

  async removePod(name: string): Promise<void> {
    this.#changePods(
      "remove",
      name,
      this.pods().filter((pod) => pod !== name),
    );
  }

  async returnPod(name: string): Promise<void> {
    this.#changePods("add", name, [...this.pods(), name]);
  }

  async replacePod(name: string): Promise<string> {
    const fresh = this.#running.newPodName();
    const names = this.pods().map((pod) => (pod === name ? fresh : pod));
    this.#running.setPods(names);
    const without = names.filter((pod) => pod !== fresh);
    this.#steps.push({ kind: "pods", change: "remove", pod: name, pods: without, atMs: this.nowMs() });
    this.#recordPods("add", fresh);
    return fresh;
  }

  async reorderPods(): Promise<void> {
    this.#running.setPods(this.pods().toReversed());
    this.#recordPods("start", null);
  }

  async advance(byMs: number): Promise<void> {
    this.#running.advance(byMs);
    this.#steps.push({ kind: "advanced", byMs, atMs: this.nowMs() });
  }

  /** A function router is told of every end at once. */
  async quiet(): Promise<boolean> {
    return true;
  }

  async settle(): Promise<void> {
    await this.#endIn(settledAfterMs(this.profile));
  }

  drain(): Promise<void> {
    return this.#endIn(windowPassedMs(this.profile));
  }

  async #endIn(ms: number): Promise<void> {
    for (const held of this.#held) await held.release();
    if (ms > 0) await this.advance(ms);
  }

  note(label: string, data: unknown): void {
    this.#steps.push({ kind: "note", label, data, atMs: this.nowMs() });
  }

  #dispatch(prompt: Prompt, options: SendOptions, held: boolean, status: number): SentStep {
    const startMs = this.#running.step();
    const requestId = this.#running.newRequestId();
    const model = options.model ?? "model";
    const salt = options.cacheSalt === undefined ? {} : { cacheSalt: options.cacheSalt };
    const record = this.#running.router.decide(
      {
        requestId,
        model,
        prompt: prompt.tokenIds ?? prompt.text,
        ...salt,
        ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
      },
      startMs,
    );
    const { pod } = record;
    if (pod !== null) this.#running.router.firstToken?.(requestId, this.#running.step());
    return {
      kind: "sent",
      label: options.label,
      requestId,
      model,
      prompt,
      ...salt,
      attempts: pod === null ? [] : [pod],
      pod,
      status: pod === null ? 503 : status,
      held: held && pod !== null,
      startMs,
      endMs: this.nowMs(),
    };
  }

  #finish(requestId: string, outcome: Outcome): void {
    this.#running.router.finished(requestId, outcome, this.#running.step());
  }

  #changePods(change: "add" | "remove", pod: string, pods: readonly string[]): void {
    this.#running.setPods(pods);
    this.#recordPods(change, pod);
  }

  #recordPods(change: "start" | "add" | "remove", pod: string | null): void {
    const serving = this.#running.serving();
    this.#steps.push({ kind: "pods", change, pod, pods: this.pods(), ...serving, atMs: this.nowMs() });
  }

  #record(step: SentStep): SentStep {
    this.#steps.push(step);
    return step;
  }
}
