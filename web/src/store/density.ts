/**
 * How many calls lie between two moments, by the hub's histogram; and when so many have passed.
 *
 * Enters: counts a step. Leaves: numbers, within a step evenly spread. Pure.
 */
export interface Density {
  sinceMs: number;
  stepMs: number;
  calls: number[];
}

/** Calls in [fromMs, toMs). */
export function countBetween({ sinceMs, stepMs, calls }: Density, fromMs: number, toMs: number): number {
  let sum = 0;
  calls.forEach((n, i) => {
    const start = sinceMs + i * stepMs;
    const overlap = Math.min(toMs, start + stepMs) - Math.max(fromMs, start);
    if (overlap > 0) sum += (n * overlap) / stepMs;
  });
  return sum;
}

/** The moment behind which, up to `toMs`, this many calls lie; the beginning where there are fewer. */
export function momentOf(density: Density, count: number, toMs: number): number {
  const { sinceMs, stepMs, calls } = density;
  let left = count;
  for (let i = calls.length - 1; i >= 0; i--) {
    const start = sinceMs + i * stepMs;
    const end = Math.min(toMs, start + stepMs);
    if (end <= start || calls[i] === 0) continue;
    const here = (calls[i] * (end - start)) / stepMs;
    if (here >= left) return end - (left / here) * (end - start);
    left -= here;
  }
  return sinceMs;
}
