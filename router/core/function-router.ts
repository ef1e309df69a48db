/**
 * The reference router as a function: keeps the pods and what is in flight on them, asks the strategy, draws among equals
 * and writes the decision record. Every strategy runs inside it.
 */
import { Random } from "../../fixtures/random.ts";
import type { DecisionRecord, FunctionRouter, Outcome, RoutedPod, RouteRequest } from "../../fixtures/routing.ts";
import type { Tokenizer } from "../../fixtures/tokenizer/tokenizer.ts";
import { DEFAULT_GPU } from "./options.ts";
import { createStrategy, type StrategyOptions } from "./strategies/create-strategy.ts";
import type { Assessment, Placed, Prompt, ReadyPod, Strategy } from "./strategies/strategy.ts";

export interface FunctionRouterOptions extends StrategyOptions {
  /** For prompts that come as text; `cl100k` of `routeproof/fixtures` is the router's own default. */
  readonly tokenizer: Pick<Tokenizer, "encode">;
  /** Of the draw among pods that are equal to the strategy. */
  readonly seed: number;
  /** Chooses a pod, allowed or not, among those assessed; by default a seeded draw among the allowed. */
  readonly pick?: (assessment: Assessment) => ReadyPod;
}

/** A {@link FunctionRouter} that also answers for its insides. */
export interface ReferenceRouter extends FunctionRouter {
  readonly strategy: Strategy;
  /** Ready pods and their requests in flight. */
  pods(): readonly ReadyPod[];
}

interface MutablePod extends ReadyPod {
  gpu: string;
  models: readonly string[] | undefined;
  inFlight: number;
}

interface Flight {
  readonly pod: MutablePod;
  readonly placed: Placed | undefined;
  hasFirstToken: boolean;
}

/** @throws {OperationalError} UNKNOWN_PROFILE when a pod's GPU, or the default, has no latency profile */
export function createFunctionRouter(options: FunctionRouterOptions): ReferenceRouter {
  const random = new Random(options.seed);
  const ties = random.stream("router/ties");
  const pick = options.pick ?? (({ allowed }: Assessment): ReadyPod => ties.pick(allowed));
  return new StrategyRouter(createStrategy(options, random), options, pick);
}

class StrategyRouter implements ReferenceRouter {
  readonly strategy: Strategy;
  readonly #options: FunctionRouterOptions;
  readonly #pick: (assessment: Assessment) => ReadyPod;
  #pods = new Map<string, MutablePod>();
  /** By request id, the oldest first: an id may be in flight twice, by a retry or a careless client. */
  readonly #flights = new Map<string, Flight[]>();

  constructor(strategy: Strategy, options: FunctionRouterOptions, pick: (assessment: Assessment) => ReadyPod) {
    this.strategy = strategy;
    this.#options = options;
    this.#pick = pick;
  }

  pods(): readonly ReadyPod[] {
    return [...this.#pods.values()];
  }

  setPods(pods: readonly RoutedPod[], nowMs: number): void {
    this.tick(nowMs);
    const before = this.#pods;
    this.#pods = new Map();
    for (const { name, gpu = this.#options.defaultGpu ?? DEFAULT_GPU, models } of pods) {
      if (this.#pods.has(name)) continue;
      const known = before.get(name);
      // Another card under the same name is another pod.
      const pod = known?.gpu === gpu ? known : { name, gpu, models, inFlight: 0 };
      if (pod === known && losesModel(known.models, models)) this.strategy.forget?.(pod, models);
      pod.models = models;
      this.#pods.set(name, pod);
    }
    const now = new Set(this.#pods.values());
    for (const pod of before.values()) if (!now.has(pod)) this.strategy.podRemoved?.(pod);
    const old = new Set(before.values());
    for (const pod of now) if (!old.has(pod)) this.strategy.podAdded?.(pod);
  }

  decide(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): DecisionRecord {
    this.tick(nowMs);
    const pods: MutablePod[] = [];
    for (const pod of this.#pods.values()) {
      if (exclude?.has(pod.name) === true) continue;
      if (pod.models === undefined || pod.models.includes(request.model)) pods.push(pod);
    }
    const record = {
      requestId: request.requestId,
      model: request.model,
      strategy: this.strategy.name,
      threshold: this.strategy.threshold ?? 0,
      atMs: nowMs,
    };
    if (pods.length === 0) {
      const nothing = { pod: null, matchedTokens: 0, totalTokens: 0, ratio: 0, candidates: [] };
      return { ...record, ...nothing, reason: "rejected" };
    }
    const assessment = this.strategy.assess(new LazyPrompt(request, this.#options.tokenizer), pods, nowMs);
    const { matchedTokens, totalTokens, candidates } = assessment;
    const pod = this.#pick(assessment) as MutablePod;
    pod.inFlight++;
    const flights = this.#flights.get(request.requestId);
    const flight = { pod, placed: assessment.place?.(pod), hasFirstToken: false };
    if (flights === undefined) this.#flights.set(request.requestId, [flight]);
    else flights.push(flight);
    return {
      ...record,
      reason: pods.length === 1 ? "only-pod" : assessment.reason,
      pod: pod.name,
      matchedTokens,
      totalTokens,
      ratio: totalTokens === 0 ? 0 : matchedTokens / totalTokens,
      candidates,
    };
  }

  firstToken(requestId: string, nowMs: number): void {
    const flight = this.#flights.get(requestId)?.at(-1);
    if (flight === undefined) return;
    flight.hasFirstToken = true;
    flight.placed?.firstToken?.(nowMs);
  }

  finished(requestId: string, outcome: Outcome): void {
    const flights = this.#flights.get(requestId);
    const flight = flights?.shift();
    if (flights?.length === 0) this.#flights.delete(requestId);
    if (flight === undefined) return;
    flight.pod.inFlight--;
    // A client that left after the first token leaves a finished prefill in the pod's cache; a failure leaves nothing sure.
    flight.placed?.finished(outcome === "ok" || (outcome === "aborted" && flight.hasFirstToken));
  }

  forget(podName: string): void {
    const pod = this.#pods.get(podName);
    if (pod !== undefined) this.strategy.forget?.(pod);
  }

  tick(nowMs: number): void {
    this.strategy.tick?.(nowMs);
  }
}

/** Whether a pod that served `before` stops serving some of it; undefined is every model. */
function losesModel(before: readonly string[] | undefined, now: readonly string[] | undefined): boolean {
  return now !== undefined && (before === undefined || before.some((model) => !now.includes(model)));
}

class LazyPrompt implements Prompt {
  readonly request: RouteRequest;
  readonly #tokenizer: Pick<Tokenizer, "encode">;
  #tokens: Int32Array | undefined;

  constructor(request: RouteRequest, tokenizer: Pick<Tokenizer, "encode">) {
    this.request = request;
    this.#tokenizer = tokenizer;
  }

  get tokens(): Int32Array {
    const { prompt } = this.request;
    if (prompt instanceof Int32Array) return prompt;
    return (this.#tokens ??= new Int32Array(typeof prompt === "string" ? this.#tokenizer.encode(prompt) : prompt));
  }
}
