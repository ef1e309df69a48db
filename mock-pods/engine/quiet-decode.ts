/**
 * Steps in which nothing happens but one more token for each running request, not its first or last: counted before they
 * are made, then made in one go.
 */
import type { KvCacheManager } from "./kv-cache-manager.ts";
import type { Sequence } from "./sequence.ts";

/** Bounds what a look ahead costs that an arrival then cuts short. */
const MOST_STEPS = 64;

/** How many steps from here, at most 64, will certainly be quiet for all that run. */
export function quietSteps(running: readonly Sequence[], kv: KvCacheManager): number {
  // In `blockSize` steps a request takes one block.
  const rounds = Math.floor(kv.pool.freeBlocks / running.length);
  let steps = Math.min(MOST_STEPS, rounds * kv.config.blockSize);
  for (const sequence of running) {
    // A last prompt token left over by a chunk is no decode: its step gives the first token.
    if (sequence.outputTokens === 0 || sequence.computedTokens < sequence.knownTokens - 1) return 0;
    steps = Math.min(steps, sequence.remainingTokens - 1);
  }
  return steps;
}

/**
 * Of `steps` quiet steps, those for which `head` surely goes on waiting for blocks.
 *
 * All of it has to fit (`reserveFullIsl`), so it needs as many blocks as it has, less those it shares with running
 * requests. Where decoding takes a block it would have hit, a twin in use may stand in: one block less needed, but one less
 * free. So nothing lets it in but a running request that caches a block of its.
 */
export function stepsBlocked(
  head: Sequence,
  running: readonly Sequence[],
  kv: KvCacheManager,
  headroomBlocks: number,
  steps: number,
): number {
  kv.lookup(head);
  if (kv.fits(head.knownTokens, headroomBlocks)) return 0;
  if (!kv.looksUp(head)) return steps;
  const { blockSize } = kv.config;
  const fullBlocks = Math.floor(head.knownTokens / blockSize);
  const sought = head.hashChain(fullBlocks, blockSize);
  let blocked = steps;
  for (const sequence of running) {
    const { cachedBlocks, computedTokens } = sequence;
    const filled = Math.min(fullBlocks, Math.floor((computedTokens + steps) / blockSize));
    if (filled <= cachedBlocks) continue;
    const chain = sequence.hashChain(filled, blockSize);
    for (let block = cachedBlocks; block < filled; block++) {
      if (chain[2 * block] !== sought[2 * block] || chain[2 * block + 1] !== sought[2 * block + 1]) continue;
      blocked = Math.min(blocked, (block + 1) * blockSize - computedTokens - 1);
      break;
    }
  }
  return blocked;
}

/** Makes so many quiet steps. Only those count in which a request outgrows its blocks, and among them the order. */
export function decodeQuietly(running: readonly Sequence[], kv: KvCacheManager, steps: number): void {
  for (let made = 0; made < steps;) {
    let roomSteps = steps - made;
    for (const { roomTokens, computedTokens } of running) roomSteps = Math.min(roomSteps, roomTokens - computedTokens);
    for (const sequence of running) sequence.advance(roomSteps);
    made += roomSteps;
    if (made === steps) return;
    for (const sequence of running) {
      kv.extend(sequence, 1);
      sequence.advance(1);
    }
    made++;
  }
}
