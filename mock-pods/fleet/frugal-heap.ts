import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Keeps small what V8 would let grow with a thousand streams, in a process that does nothing but serve pods.
 *
 * - The space for new objects stays at its first size. Left alone it grows to 3 x 32 MB when a thousand streams begin, more than
 *   all that is alive; 12 MB of it stay. `--max-semi-space-size` would say the same, but only on Node's own command line.
 * - One thread empties it: several get in each other's way, which takes a fortieth more, and each keeps some memory of its own.
 * - Of V8's two optimizing compilers only the better is used. The other compiles on threads of their own hundreds of functions at
 *   once when a thousand streams begin, and malloc keeps the memory for it: 30 MB. It inlines a third less.
 * - It is used later: what a stream does once, in hundreds of functions, takes more time to compile than thousands of
 *   streams take to run it as it is; what each token or each small request does is hot soon enough.
 */
const FLAGS = [
  "--semi-space-growth-factor=1",
  "--no-parallel-scavenge",
  "--no-maglev",
  "--invocation-count-for-turbofan=10000",
  "--max-inlined-bytecode-size-cumulative=600",
];

export function keepHeapFrugal(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}

/**
 * Gives back what nothing uses any more, now and whenever the process has come to rest: what starting left (4 MB), and what
 * a burst of streams did (7 MB of a thousand), which V8 would collect in the middle of the next one. Takes some 15 ms.
 */
export function collectAtRest(): void {
  setFlagsFromString("--expose-gc");
  // Only contexts that are made after it have the function.
  const collect = runInNewContext("gc") as (options: object) => void;
  const collectAll = (): number => {
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    return getHeapStatistics().used_heap_size;
  };
  let keptBytes = collectAll();
  let before = process.cpuUsage();
  const watch = (): void => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    const isAtRest = user + system < AT_REST_CPU_US;
    if (isAtRest && getHeapStatistics().used_heap_size > keptBytes + WORTH_BYTES) keptBytes = collectAll();
  };
  setInterval(watch, WATCH_MS).unref();
}

const WATCH_MS = 1_000;
/** Of a processor, in {@link WATCH_MS}. */
const AT_REST_CPU_US = 20_000;
const WORTH_BYTES = 4_000_000;
