import type { FastForwardEngine } from "../engine/engine.ts";

/** An engine whose steps take `factor(nowMs)` times as long, by when they begin. */
export function slowedEngine(engine: FastForwardEngine, factor: (nowMs: number) => number): FastForwardEngine {
  let slowedEndMs: number | undefined;
  return {
    ...engine,
    beginStep(nowMs) {
      const endMs = engine.beginStep(nowMs);
      const times = factor(nowMs);
      slowedEndMs = endMs === undefined || times === 1 ? undefined : nowMs + (endMs - nowMs) * times;
      return slowedEndMs ?? endMs;
    },
    endStep() {
      const output = engine.endStep();
      return slowedEndMs === undefined ? output : { ...output, endMs: slowedEndMs };
    },
    beginRun: (nowMs) => (factor(nowMs) === 1 ? engine.beginRun(nowMs) : undefined),
  };
}
