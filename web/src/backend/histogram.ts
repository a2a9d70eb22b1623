/** Calls over time from the hub's API; rejects with a sentence to show. */
import type { Histogram } from "#forms";
import { BEGINNING_WITHIN_S } from "../defaults";

/** Counts of [sinceS, untilS), seconds since 1970, of the calls that a filter of the list chooses. */
export async function fetchHistogram(
  sinceS: number,
  untilS: number,
  signal: AbortSignal,
  filter: Record<string, string> = {},
): Promise<Histogram> {
  const query = new URLSearchParams({ ...filter, since: String(sinceS), until: String(untilS) });
  const response = await fetch(`/api/v1/histogram?${query}`, { signal });
  if (!response.ok) throw new Error(`The hub answered ${response.status}.`);
  return response.json();
}

/** When the first kept call ended, to the step of the second answer; null: nothing is kept. */
export async function fetchBeginning(nowS: number, signal: AbortSignal): Promise<number | null> {
  let [since, until] = [nowS - BEGINNING_WITHIN_S, nowS + 1];
  for (;;) {
    const found = await fetchHistogram(since, until, signal);
    const first = found.calls.findIndex((n) => n > 0);
    if (first < 0) return null;
    const start = Math.floor(Date.parse(found.since) / 1000) + first * found.step_s;
    if (found.step_s <= 60) return start;
    [since, until] = [start, Math.min(start + found.step_s, nowS + 1)];
  }
}
