/**
 * Whether memory grows, by a rule stated beforehand.
 *
 * The line through the samples is Theil and Sen's: the median of the slopes of all pairs, which a few outliers (a sample
 * taken in the middle of a burst) do not move. Memory is flat when that line, drawn over the whole run, climbs less than
 * `FLAT_RATIO` of the typical sample. The first half is not looked at: it fills what is bounded by design, such as
 * caches, pools and the router's tree with its TTL of five minutes.
 */
import { median } from "../median.ts";

export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

export interface Growth {
  /** Median of the samples of the second half. */
  readonly typicalBytes: number;
  readonly bytesPerMinute: number;
  /** The climb over the whole run as a share of the typical sample; negative when it shrinks. */
  readonly overRunRatio: number;
  readonly flat: boolean;
}

export const FLAT_RATIO = 0.05;

/** @param samples of a run from 0 to `runMs`, at least two of them in its second half */
export function growthOf(samples: readonly MemorySample[], runMs: number): Growth {
  const settled = samples.filter(({ atMs }) => atMs >= runMs / 2);
  const slopes = settled.flatMap((later, index) =>
    settled.slice(0, index).map((earlier) => (later.bytes - earlier.bytes) / (later.atMs - earlier.atMs)),
  );
  const bytesPerMs = median(slopes);
  const typicalBytes = median(settled.map(({ bytes }) => bytes));
  const overRunRatio = (bytesPerMs * runMs) / typicalBytes;
  return { typicalBytes, bytesPerMinute: bytesPerMs * 60_000, overRunRatio, flat: overRunRatio < FLAT_RATIO };
}
