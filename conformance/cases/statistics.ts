/** Exact binomial bounds: every statistical assertion states its false-positive rate beforehand. */

export const FALSE_POSITIVE_RATE = 1e-6;

/** P(X >= k) for X ~ Binomial(n, p). */
export function upperTail(n: number, p: number, k: number): number {
  if (k <= 0) return 1;
  if (p <= 0) return 0;
  if (p >= 1) return k <= n ? 1 : 0;
  let sum = 0;
  for (let x = k; x <= n; x++) sum += Math.exp(logChoose(n, x) + x * Math.log(p) + (n - x) * Math.log1p(-p));
  return Math.min(1, sum);
}

/** The most of n events that chance p explains at the given rate: more than this is a failure. */
export function mostByChance(n: number, p: number, rate = FALSE_POSITIVE_RATE): number {
  let bound = 0;
  while (bound < n && upperTail(n, p, bound + 1) > rate) bound++;
  return bound;
}

/** The fewest of n events that chance p explains at the given rate: fewer than this is a failure. */
export function fewestByChance(n: number, p: number, rate = FALSE_POSITIVE_RATE): number {
  return n - mostByChance(n, 1 - p, rate);
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
