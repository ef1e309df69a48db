/** An engine that is made with its first request: a card has 12,735 blocks to keep, and most of a large fleet idles. */
import type { EngineStats, FastForwardEngine } from "../engine/engine.ts";

export function lazyEngine(make: () => FastForwardEngine, usableBlocks: number): FastForwardEngine {
  let made: FastForwardEngine | undefined;
  const idle: EngineStats = {
    running: 0,
    waiting: 0,
    deferred: 0,
    kvUsageRatio: 0,
    prefixQueriesTokens: 0,
    prefixHitsTokens: 0,
    preemptions: 0,
    freeBlocks: usableBlocks,
    totalBlocks: usableBlocks,
  };
  const engine = () => (made ??= make());
  return {
    submit: (request, nowMs) => engine().submit(request, nowMs),
    abort: (requestIds, nowMs) => made?.abort(requestIds, nowMs),
    resetPrefixCache: (preemptRunning) => engine().resetPrefixCache(preemptRunning),
    setAdmitting: (admitting) => (admitting ? made : engine())?.setAdmitting(admitting),
    beginStep: (nowMs) => made?.beginStep(nowMs),
    endStep: () => engine().endStep(),
    beginRun: (nowMs) => made?.beginRun(nowMs),
    endRun: (steps) => engine().endRun(steps),
    withhold: (blocks) => engine().withhold(blocks),
    inspect: () => made?.inspect() ?? { running: [], waiting: [], blocks: [] },
    stats: () => made?.stats() ?? idle,
    heldPrefixTokens: (promptTokenIds, extra) => made?.heldPrefixTokens(promptTokenIds, extra) ?? 0,
  };
}
