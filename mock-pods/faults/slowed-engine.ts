import type { Engine } from "../engine/engine.ts";

/** An engine whose steps take `factor()` times as long, asked as each begins. */
export function slowedEngine(engine: Engine, factor: () => number): Engine {
  let slowedEndMs: number | undefined;
  return {
    ...engine,
    beginStep(nowMs) {
      const endMs = engine.beginStep(nowMs);
      const times = factor();
      slowedEndMs = endMs === undefined || times === 1 ? undefined : nowMs + (endMs - nowMs) * times;
      return slowedEndMs ?? endMs;
    },
    endStep() {
      const output = engine.endStep();
      return slowedEndMs === undefined ? output : { ...output, endMs: slowedEndMs };
    },
  };
}
