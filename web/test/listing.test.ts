import { describe, expect, test } from "vitest";
import type { Call } from "#forms";
import { LISTED_MAX, SCROLL_MAX_PX } from "../src/defaults";
import { rounded } from "../src/render/format";
import { ALL } from "../src/select/filters";
import { exportUrl, listFilter } from "../src/select/listed";
import { countBetween, momentOf } from "../src/store/density";
import {
  appendOlder,
  applyNewest,
  emptyListing,
  momentOfRow,
  prependNewer,
  sizeOf,
  takeFresh,
} from "../src/store/listing";
import { rowsIn, scrolled, scrollHeight } from "../src/store/scroll";

const T0 = Date.UTC(2026, 10, 22, 12);

/** One call a second; `n` seconds behind T0. */
function call(n: number, revision = 1): Call {
  return { id: `c${n}`, start: new Date(T0 + n * 1000).toISOString(), revision } as Call;
}
/** Newest first, [from, to]. */
const run = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => call(from - i));
/** Two calls a second for 1,000 s. */
const density = { sinceMs: T0, stepMs: 10_000, calls: new Array(100).fill(20) };

describe("the density of calls", () => {
  test("counts and finds moments, within a step evenly", () => {
    expect(countBetween(density, T0 + 5000, T0 + 25_000)).toBe(40);
    expect(momentOf(density, 100, T0 + 1_000_000)).toBe(T0 + 950_000);
    expect(momentOf(density, 1e9, T0 + 1_000_000)).toBe(T0);
  });
});

describe("the requests list", () => {
  test("holds each call once, whatever pages bring", () => {
    const listing = appendOlder(appendOlder(emptyListing(), run(9, 5), false), run(6, 0), true);
    expect(listing.calls.map((c) => c.id)).toEqual(run(9, 0).map((c) => c.id));
    expect(sizeOf(listing, null, T0)).toEqual({ rows: 10, exact: true });
  });

  test("estimates the rest by what the filter let through so far", () => {
    const listing = appendOlder(emptyListing(0, true), run(999, 900), false);
    const { rows, exact } = sizeOf(listing, density, T0);
    expect(exact).toBe(false);
    expect(rows).toBeGreaterThan(980);
    expect(rows).toBeLessThan(1020);
    expect(sizeOf({ ...listing, filtered: false }, density, T0).rows).toBeGreaterThan(1890);
    expect(momentOfRow(listing, 500, density, T0 + 1_000_000) / 1000).toBeCloseTo((T0 + 505_000) / 1000, -1);
  });

  test("lets new calls wait, and takes a late one to its place", () => {
    const listing = applyNewest(
      appendOlder(emptyListing(), [call(9), call(7)], true),
      [call(10), call(9, 2), call(8)],
      false,
    );
    expect(listing.calls.map((c) => [c.id, c.revision])).toEqual([
      ["c9", 2],
      ["c7", 1],
    ]);
    expect(listing.fresh.map((c) => c.id)).toEqual(["c10", "c8"]);
    const taken = takeFresh(listing);
    expect(taken?.shift).toBe(2);
    expect(taken?.listing.calls.map((c) => c.id)).toEqual(["c10", "c9", "c8", "c7"]);
    expect(taken?.listing.fresh).toEqual([]);
  });

  test("begins anew where more came than it could count", () => {
    const listing = applyNewest(appendOlder(emptyListing(), run(9, 0), true), run(700, 200), true);
    expect(listing.freshMore).toBe(true);
    expect(takeFresh(listing)).toBeNull();
  });

  test("keeps rows where they are while newer ones come before them", () => {
    const middle = appendOlder(emptyListing(500), run(499, 400), false);
    const { listing, shift } = prependNewer(middle, run(600, 499), false);
    expect(shift).toBe(0);
    expect(listing.before).toBe(399);
    expect(listing.calls[0].id).toBe("c600");
    const top = prependNewer(listing, run(999, 601), true);
    expect(top.listing.before).toBe(0);
    expect(top.shift).toBe(0);
  });

  test("says by how much rows moved where the estimate was wrong", () => {
    expect(prependNewer(appendOlder(emptyListing(10), run(9, 0), true), run(12, 10), true).shift).toBe(-7);
    expect(prependNewer(appendOlder(emptyListing(1), run(9, 0), true), run(12, 10), true).shift).toBe(2);
  });

  test("keeps a bounded number of calls", () => {
    const listing = appendOlder(emptyListing(), run(LISTED_MAX + 99, 0), true);
    expect(listing.calls).toHaveLength(LISTED_MAX);
    expect(listing.before).toBe(100);
  });
});

describe("scrolling through a million rows", () => {
  const whole = 34 * 1_000_000;
  test("goes pixel by pixel, and by the scrollbar to any share", () => {
    const height = scrollHeight(whole);
    expect(height).toBe(SCROLL_MAX_PX);
    let at = scrolled({ topPx: 0, listPx: 0 }, 100, 800, whole);
    expect(at.listPx).toBe(100);
    at = scrolled(at, height / 2, 800, whole);
    expect(at.listPx / whole).toBeCloseTo(0.5, 3);
    expect(scrolled(at, height / 2 + 60, 800, whole).listPx).toBeCloseTo(at.listPx + 60, 6);
    expect(scrolled(at, height - 800, 800, whole).listPx).toBe(whole - 800);
    expect(scrolled(at, 0, 800, whole).listPx).toBe(0);
  });

  test("draws what is seen and little more", () => {
    const [first, end] = rowsIn(17_000_000, 800, 34, 1_000_000);
    expect(first).toBe(499_994);
    expect(end - first).toBeLessThan(40);
  });

  test("an estimate has two digits", () => {
    expect([0, 7, 42, 1234, 98_765].map(rounded)).toEqual([0, 7, 42, 1200, 99_000]);
  });
});

describe("what the hub is asked for", () => {
  const times = { sinceMs: null, untilMs: null };
  test("is nothing where everything is shown", () => {
    expect(listFilter("", ALL, times)).toEqual({});
  });

  test("joins query, classes and times", () => {
    const bad = { classes: new Set(["4xx", "5xx"] as const) };
    expect(listFilter("a OR b", bad, { sinceMs: T0, untilMs: null })).toEqual({
      q: "(a OR b) ((status:error status:4xx) OR (status:error -status:4xx))",
      since: "2026-11-22T12:00:00.000Z",
    });
    expect(listFilter("", { classes: new Set(["ok"] as const) }, times)).toEqual({ q: "status:ok" });
  });

  test("is exported as it is listed", () => {
    expect(exportUrl({ q: "status:5xx" }, "csv")).toBe(
      "/api/v1/requests?q=status%3A5xx&limit=all&format=csv",
    );
  });
});
