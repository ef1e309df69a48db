/**
 * The lab over a function router under virtual time: every operation takes a few virtual milliseconds, so that nothing
 * ties, and nothing waits.
 */
import type { RandomStream } from "../fixtures/random.ts";
import { Random } from "../fixtures/random.ts";
import type { FunctionRouter, Outcome } from "../fixtures/routing.ts";
import { type Case, DEFAULT_PODS, type PodKind } from "./case.ts";
import { createCorpus, type Corpus, type Prompt } from "./corpus/corpus.ts";
import type { Held, Lab, SendOptions } from "./lab.ts";
import type { Observation, PodsStep, SentStep, Step } from "./observation.ts";
import { WINDOW_EDGE_MS } from "./oracle/load.ts";
import { loadWindowMs, type RouterProfile } from "./router-profile.ts";

const STEP_MS = 2;
/** A router that works by time is asked to at least this often while time is moved. */
const TICKS_PER_ADVANCE = 20;

/** The second starts with the first, so that a key without a mark between model and salt can be caught. */
const MODELS = ["model", "model-b"];
const ADAPTER = "adapter";

/** One started router, used by one case after another without a restart. */
export class FunctionSession {
  readonly #router: FunctionRouter;
  readonly #profile: RouterProfile;
  #nowMs = 0;
  #podCount = 0;
  #requestCount = 0;
  #pods: readonly string[] = [];
  /** Models of pods that do not serve them all. */
  readonly #modelsOf = new Map<string, readonly string[]>();

  constructor(router: FunctionRouter, profile: RouterProfile) {
    this.#router = router;
    this.#profile = profile;
  }

  get profile(): RouterProfile {
    return this.#profile;
  }

  get router(): FunctionRouter {
    return this.#router;
  }

  get pods(): readonly string[] {
    return this.#pods;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  step(): number {
    this.#nowMs += STEP_MS;
    return this.#nowMs;
  }

  newRequestId(): string {
    return `request-${this.#requestCount++}`;
  }

  newPodName(): string {
    return `pod-${this.#podCount++}`;
  }

  setPods(names: readonly string[]): void {
    this.#pods = names;
    this.#router.setPods(
      names.map((name) => {
        const models = this.#modelsOf.get(name);
        return models === undefined ? { name } : { name, models };
      }),
      this.step(),
    );
  }

  advance(byMs: number): void {
    for (let tick = 0; tick < TICKS_PER_ADVANCE; tick++) {
      this.#nowMs += byMs / TICKS_PER_ADVANCE;
      this.#router.tick(this.#nowMs);
    }
  }

  /** A lab for one case, with the pods it asks for; pods of the case before stay where they can. */
  lab({ id, needs }: Pick<Case, "id" | "needs">, seed: number): FunctionLab {
    if (needs.fleet !== undefined) this.setPods(needs.fleet.map((kind) => this.#newPodOf(kind)));
    else {
      const podCount = needs.pods ?? DEFAULT_PODS;
      const kept = this.#pods.filter((name) => !this.#modelsOf.has(name)).slice(0, podCount);
      const added = Array.from({ length: podCount - kept.length }, () => this.newPodName());
      if (added.length > 0 || kept.length < this.#pods.length) this.setPods([...kept, ...added]);
    }
    return new FunctionLab(this, id, seed);
  }

  /** As a step of an observation says it: nothing where every pod serves every model. */
  serving(): Pick<PodsStep, "serving"> {
    const special = this.#pods.flatMap((name) => {
      const models = this.#modelsOf.get(name);
      return models === undefined ? [] : [[name, models] as const];
    });
    return special.length === 0 ? {} : { serving: Object.fromEntries(special) };
  }

  #newPodOf({ models, adapter = false }: PodKind): string {
    const name = this.newPodName();
    this.#modelsOf.set(name, [...models.map((index) => MODELS[index] ?? ""), ...(adapter ? [ADAPTER] : [])]);
    return name;
  }
}

export class FunctionLab implements Lab {
  readonly profile: RouterProfile;
  readonly models = MODELS;
  readonly adapter = ADAPTER;
  readonly random: RandomStream;
  readonly corpus: Corpus;
  readonly #session: FunctionSession;
  readonly #caseId: string;
  readonly #seed: number;
  readonly #steps: Step[] = [];
  readonly #held = new Set<Held>();

  constructor(session: FunctionSession, caseId: string, seed: number) {
    const streams = new Random(seed);
    this.#session = session;
    this.#caseId = caseId;
    this.#seed = seed;
    this.profile = session.profile;
    this.random = streams.stream(`case/${caseId}`);
    this.corpus = createCorpus(streams.stream(`corpus/${caseId}`));
    this.#recordPods("start", null);
  }

  observation(): Observation {
    return { caseId: this.#caseId, seed: this.#seed, transport: "function", steps: this.#steps };
  }

  pods(): readonly string[] {
    return this.#session.pods;
  }

  nowMs(): number {
    return this.#session.nowMs();
  }

  async send(prompt: Prompt, options: SendOptions): Promise<SentStep> {
    const failure = options.upstream === undefined || options.upstream === "ok" ? undefined : options.upstream;
    const { step } = this.#dispatch(prompt, options, false, failure?.status ?? 200);
    if (step.pod !== null) this.#finish(step.requestId, failure === undefined ? "ok" : "error");
    return this.#record({ ...step, endMs: this.nowMs() });
  }

  async hold(prompt: Prompt, options: SendOptions): Promise<Held> {
    const { step } = this.#dispatch(prompt, options, true, 200);
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
    const name = this.#session.newPodName();
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
    const fresh = this.#session.newPodName();
    const names = this.pods().map((pod) => (pod === name ? fresh : pod));
    this.#session.setPods(names);
    const without = names.filter((pod) => pod !== fresh);
    this.#steps.push({ kind: "pods", change: "remove", pod: name, pods: without, atMs: this.nowMs() });
    this.#recordPods("add", fresh);
    return fresh;
  }

  async reorderPods(): Promise<void> {
    this.#session.setPods(this.pods().toReversed());
    this.#recordPods("start", null);
  }

  async advance(byMs: number): Promise<void> {
    this.#session.advance(byMs);
    this.#steps.push({ kind: "advanced", byMs, atMs: this.nowMs() });
  }

  /** A function router is told of every end at once. */
  async quiet(): Promise<boolean> {
    return true;
  }

  async settle(): Promise<void> {
    for (const held of this.#held) await held.release();
    const windowMs = loadWindowMs(this.profile);
    if (windowMs !== undefined) await this.advance(windowMs + 2 * WINDOW_EDGE_MS);
  }

  drain(): Promise<void> {
    return this.settle();
  }

  note(label: string, data: unknown): void {
    this.#steps.push({ kind: "note", label, data, atMs: this.nowMs() });
  }

  #dispatch(prompt: Prompt, options: SendOptions, held: boolean, status: number): { step: SentStep } {
    const startMs = this.#session.step();
    const requestId = this.#session.newRequestId();
    const model = options.model ?? "model";
    const salt = options.cacheSalt === undefined ? {} : { cacheSalt: options.cacheSalt };
    const record = this.#session.router.decide(
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
    if (pod !== null) this.#session.router.firstToken?.(requestId, this.#session.step());
    const step: SentStep = {
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
    return { step };
  }

  #finish(requestId: string, outcome: Outcome): void {
    this.#session.router.finished(requestId, outcome, this.#session.step());
  }

  #changePods(change: "add" | "remove", pod: string, pods: readonly string[]): void {
    this.#session.setPods(pods);
    this.#recordPods(change, pod);
  }

  #recordPods(change: "start" | "add" | "remove", pod: string | null): void {
    const serving = this.#session.serving();
    this.#steps.push({ kind: "pods", change, pod, pods: this.pods(), ...serving, atMs: this.nowMs() });
  }

  #record(step: SentStep): SentStep {
    this.#steps.push(step);
    return step;
  }
}
