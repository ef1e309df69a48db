/**
 * Plays a decision trace through the decision core, one result a step: how another implementation is compared with ours.
 *
 * A trace knows when requests start and not when they end: each is taken to end well before the next, so that the load
 * window alone speaks, as it does in the merged code.
 */
import type { RoutedPod } from "../../../fixtures/routing.ts";
import type { Tokenizer } from "../../../fixtures/tokenizer/tokenizer.ts";
import { promptTokens, type DecisionTrace } from "./decision-trace.ts";
import { createFunctionRouter } from "../function-router.ts";
import type { Mode } from "../options.ts";
import type { ReadyPod } from "../strategies/strategy.ts";

export interface DecisionResult {
  readonly trace: string;
  /** From 1. */
  readonly step: number;
  readonly branch: string;
  readonly matchedTokens: number;
  readonly totalTokens: number;
  /** Every pod this mode may answer, given the picks before. */
  readonly allowed: readonly string[];
  /** Requests in the load window, per ready pod. */
  readonly loads: Readonly<Record<string, number>>;
  /** What was compared: `corrected` and `preble` include this request's own prefill, `aibrix-719` does not. */
  readonly costsBeforeSeconds: Readonly<Record<string, number>>;
  /** The pods' work once this request has been placed. */
  readonly costsAfterSeconds: Readonly<Record<string, number>>;
  /** Null when no pod was ready. */
  readonly picked: string | null;
}

export interface PlayOptions {
  readonly mode: Mode;
  readonly gpu: string;
  readonly tokenizer: Pick<Tokenizer, "encode">;
}

export function* playDecisions(trace: DecisionTrace, options: PlayOptions): Generator<DecisionResult> {
  const { mode, gpu } = { ...options, ...trace };
  let picked: string | undefined;
  let allowed: readonly ReadyPod[] = [];
  let loads: Record<string, number> = {};
  const router = createFunctionRouter({
    mode,
    defaultGpu: gpu,
    tokenizer: options.tokenizer,
    seed: 0,
    pick: (assessment) => {
      allowed = assessment.allowed.toSorted(byName);
      loads = perReadyPod((pod) => router.strategy.recentLoad?.(pod).requests(atMs) ?? 0);
      return router.pods().find(({ name }) => name === picked) ?? (allowed[0] as ReadyPod);
    },
  });
  const readyByModel = new Map<string, readonly string[]>();
  let ready: readonly string[] = [];
  let atMs = 0;
  const perReadyPod = (value: (pod: ReadyPod) => number): Record<string, number> =>
    Object.fromEntries(
      router.pods().flatMap((pod) => (ready.includes(pod.name) ? [[pod.name, value(pod)] as const] : [])),
    );
  router.tick(atMs);
  for (const [index, step] of trace.steps.entries()) {
    ({ ready, picked, atMs = atMs } = step);
    [allowed, loads] = [[], {}];
    readyByModel.set(step.model, ready);
    router.setPods(podsOf(readyByModel), atMs);
    const requestId = String(index);
    const prompt = step.tokens === undefined ? (step.text ?? "") : promptTokens(step.tokens);
    const record = router.decide({ requestId, model: step.model, prompt }, atMs);
    router.finished(requestId, "ok", atMs);
    yield {
      trace: trace.id,
      step: index + 1,
      branch: record.reason,
      matchedTokens: record.matchedTokens,
      totalTokens: record.totalTokens,
      allowed: allowed.map(({ name }) => name),
      loads,
      costsBeforeSeconds: Object.fromEntries(record.candidates.map(({ pod, costSeconds }) => [pod, costSeconds])),
      costsAfterSeconds: perReadyPod((pod) => router.strategy.recentLoad?.(pod).seconds(atMs) ?? 0),
      picked: record.pod,
    };
  }
}

/** A pod serves the models it is ready for; one that is ready for none is gone. */
function podsOf(readyByModel: ReadonlyMap<string, readonly string[]>): RoutedPod[] {
  const names = new Set([...readyByModel.values()].flat());
  const models = [...readyByModel.keys()];
  return [...names].map((name) => ({
    name,
    models: models.filter((model) => readyByModel.get(model)?.includes(name) === true),
  }));
}

function byName(a: ReadyPod, b: ReadyPod): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
