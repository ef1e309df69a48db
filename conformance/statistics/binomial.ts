/** Exact binomial probabilities and the bounds that follow from them. */

/** What a whole case may be wrong by, whatever its number of looks and bounds. */
export const FALSE_POSITIVE_RATE = 1e-6;

/** P(X = k) for X ~ Binomial(n, p), k from 0 to n. */
export function probabilities(n: number, p: number): number[] {
  if (p <= 0 || p >= 1) return Array.from({ length: n + 1 }, (_, k) => (k === (p <= 0 ? 0 : n) ? 1 : 0));
  return Array.from({ length: n + 1 }, (_, k) =>
    Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p)),
  );
}

/** P(X >= k) for X ~ Binomial(n, p). */
export function upperTail(n: number, p: number, k: number): number {
  if (k <= 0) return 1;
  // Smallest terms first: the sum keeps its digits.
  return Math.min(
    1,
    probabilities(n, p)
      .slice(k)
      .reduceRight((sum, each) => sum + each, 0),
  );
}

/** The most of n events that chance p explains at the given rate: more than this is a failure. */
export function mostByChance(n: number, p: number, rate = FALSE_POSITIVE_RATE): number {
  const terms = probabilities(n, p);
  let bound = n;
  for (let tail = 0; bound > 0; bound--) {
    tail += terms[bound] ?? 0;
    if (tail > rate) break;
  }
  return bound;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const LOG_FACTORIALS = [0];

function logFactorial(n: number): number {
  for (let next = LOG_FACTORIALS.length; next <= n; next++) {
    LOG_FACTORIALS.push((LOG_FACTORIALS[next - 1] ?? 0) + Math.log(next));
  }
  return LOG_FACTORIALS[n] ?? 0;
}
