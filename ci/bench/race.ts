/**
 * Compares ways of doing a thing. Counts are fixed, rounds are interleaved (so that a slow minute of the machine hits every
 * contender alike), medians are reported, and the first contender is the floor that the others are measured against.
 */
import { median } from "../median.ts";

export interface Contender {
  readonly name: string;
  /** One round: does the work and returns how many operations it did, so that the result is consumed. */
  readonly round: () => number | Promise<number>;
}

export interface Lap {
  readonly name: string;
  readonly operations: number;
  /** Medians over the rounds. Processor time counts this process only, all threads. */
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Runs `rounds` interleaved rounds after one that is thrown away. */
export async function race(contenders: readonly Contender[], rounds = 5): Promise<Lap[]> {
  const laps = contenders.map(({ name }) => ({ name, operations: 0, wallMs: [] as number[], cpuMs: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const cpuBefore = process.cpuUsage();
      const startMs = performance.now();
      const operations = await contender.round();
      const wallMs = performance.now() - startMs;
      const { user, system } = process.cpuUsage(cpuBefore);
      const lap = laps[index];
      if (lap === undefined || round === 0) continue;
      lap.operations = operations;
      lap.wallMs.push(wallMs);
      lap.cpuMs.push((user + system) / 1000);
    }
  }
  return laps.map(({ name, operations, wallMs, cpuMs }) => ({
    name,
    operations,
    wallMs: median(wallMs),
    cpuMs: median(cpuMs),
  }));
}

/** Prints laps as a table; `operation` is the singular of what was counted. */
export function printLaps(laps: readonly Lap[], operation: string): void {
  const floor = laps[0];
  if (floor === undefined) return;
  console.table(
    Object.fromEntries(
      laps.map(({ name, operations, wallMs, cpuMs }) => [
        name,
        {
          [`${operation}s`]: operations,
          "wall ms": round(wallMs),
          "cpu ms": round(cpuMs),
          [`cpu us per ${operation}`]: round((cpuMs * 1000) / operations),
          "cpu vs floor": round(cpuMs / operations / (floor.cpuMs / floor.operations)),
        },
      ]),
    ),
  );
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
