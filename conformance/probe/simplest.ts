const MOST_DIGITS = 4;

/** The decimal of fewest digits in [low, high], nearest to the middle; undefined when four digits are not enough. */
export function simplestBetween(low: number, high: number): number | undefined {
  for (let digits = 0; digits <= MOST_DIGITS; digits++) {
    const scale = 10 ** digits;
    const first = Math.ceil(low * scale - 1e-9);
    const last = Math.floor(high * scale + 1e-9);
    if (first > last) continue;
    const middle = ((low + high) / 2) * scale;
    return Math.min(last, Math.max(first, Math.round(middle))) / scale;
  }
  return undefined;
}
