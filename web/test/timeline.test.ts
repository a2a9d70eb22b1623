import { describe, expect, test } from "vitest";
import { HISTOGRAM_STEPS, SPAN_MAX_S, SPAN_MIN_S } from "../src/defaults";
import { askFor, barsOf, between, edges, ownSpan, panned, ticks, zoomed } from "../src/store/span";
import { within } from "../src/store/timeline";

const NOW = 1_790_000_123;
const DAY = 86_400;

/** How long the hub makes a step: whole seconds, or minutes beyond two hours or a day. */
function stepOf(sinceS: number, untilS: number): number {
  const unit = untilS - sinceS <= 7200 && sinceS > NOW - DAY ? 1 : 60;
  return unit * Math.max(1, Math.ceil((untilS - sinceS) / (unit * HISTOGRAM_STEPS)));
}

describe("the timeline's span", () => {
  test("grows with what is kept until somebody zooms", () => {
    expect(ownSpan(null, NOW)).toEqual({ lengthS: 300, toS: null });
    expect(ownSpan(NOW - 400, NOW).lengthS).toBe(900);
    expect(ownSpan(NOW - 9 * DAY, NOW).lengthS).toBe(1800);
  });

  test("zooms around what is pointed at, from a minute to a month", () => {
    const span = zoomed({ lengthS: 3600, toS: null }, 0.5, NOW - 1800, NOW);
    expect(edges(span, NOW)).toEqual({ fromS: NOW - 2700, toS: NOW - 900 });
    expect(zoomed(span, 1e-9, NOW - 1800, NOW).lengthS).toBe(SPAN_MIN_S);
    expect(zoomed(span, 1e9, NOW - 1800, NOW)).toEqual({ lengthS: SPAN_MAX_S, toS: null });
  });

  test("follows now once it reaches it, and never goes beyond", () => {
    const past = panned({ lengthS: 600, toS: null }, -60, NOW);
    expect(past).toEqual({ lengthS: 600, toS: NOW - 60 });
    expect(panned(past, 500, NOW)).toEqual({ lengthS: 600, toS: null });
    expect(between(NOW - 20, NOW - 10, NOW).lengthS).toBe(SPAN_MIN_S);
  });
});

describe("the timeline's bars", () => {
  for (const lengthS of [60, 300, 900, 1800, 3600, 7200, 7201, 20_000, DAY, 7 * DAY, SPAN_MAX_S]) {
    for (const backS of [0, 3 * 3600, 5 * DAY]) {
      test(`of ${lengthS} s, ${backS} s ago, are whole steps of the hub's answer`, () => {
        const span = { lengthS, toS: backS ? NOW - backS : null };
        const ask = askFor(span, NOW, 110);
        expect(ask.barS % stepOf(ask.sinceS, ask.untilS)).toBe(0);
        expect(ask.sinceS % ask.barS).toBe(0);
        expect(ask.sinceS).toBeLessThanOrEqual(edges(span, NOW).fromS);
        expect(ask.untilS).toBeGreaterThanOrEqual(edges(span, NOW).toS);
        expect(ask.untilS).toBeLessThan(NOW + DAY);
      });
    }
  }

  test("hold every call of the answer once", () => {
    const ask = { sinceS: 100, untilS: 130, barS: 10 };
    const answer = { sinceS: 100, stepS: 5, calls: [1, 2, 3, 4, 5, 6], errors: [0, 1, 0, 0, 2, 0] };
    const bars = barsOf(answer, ask);
    expect(bars.calls).toEqual([3, 7, 11]);
    expect(bars.errors).toEqual([1, 0, 2]);
    expect(within(bars, { fromS: 112, toS: 121 })).toEqual({ calls: 18, errors: 2 });
  });

  test("have times at round local hours below them", () => {
    const { stepS, at } = ticks({ lengthS: DAY, toS: null }, NOW, 10, 3600);
    expect(stepS).toBe(10_800);
    expect(at.length).toBeLessThanOrEqual(10);
    expect(at.every((s) => (s + 3600) % stepS === 0)).toBe(true);
  });
});
