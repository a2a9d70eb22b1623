/**
 * The requests list: one unbroken run of calls, newest first, in the middle of what is estimated around it.
 *
 * Enters: pages of the hub's answers, and a density of calls over time. Leaves: rows by number, and how many
 * there are, known or estimated. Always holds: each id once; rows stand still while others are added at either
 * end, as far as the estimate before them allows; at most `LISTED_MAX` calls are kept. Pure.
 */
import type { Call } from "#forms";
import { LISTED_MAX } from "../defaults";
import { countBetween, type Density, momentOf } from "./density";

export interface Listing {
  calls: Call[];
  /** Rows before the first call: 0 where it is the newest of all, else estimated. */
  before: number;
  /** It holds some of all calls only. */
  filtered: boolean;
  /** Nothing older is there. */
  complete: boolean;
  /** Came since the list was made, and are not in it; newest first. */
  fresh: Call[];
  /** More came than were counted. */
  freshMore: boolean;
}

export function emptyListing(before = 0, filtered = false): Listing {
  return { calls: [], before, filtered, complete: false, fresh: [], freshMore: false };
}

export function startMs(call: Call): number {
  return Date.parse(call.start);
}

/** An older page. Lets go of the newest ones where there are too many. */
export function appendOlder(listing: Listing, page: Call[], complete: boolean): Listing {
  const known = new Set(listing.calls.map((call) => call.id));
  const calls = [...listing.calls, ...page.filter((call) => !known.has(call.id))];
  const over = Math.max(0, calls.length - LISTED_MAX);
  return { ...listing, calls: calls.slice(over), before: listing.before + over, complete };
}

/** Newer ones right before the run. `all`: nothing newer is there. `shift`: by how many rows the others moved. */
export function prependNewer(
  listing: Listing,
  newer: Call[],
  all: boolean,
): { listing: Listing; shift: number } {
  const known = new Set(listing.calls.map((call) => call.id));
  const added = newer.filter((call) => !known.has(call.id));
  const before = all ? 0 : Math.max(0, listing.before - added.length);
  const calls = merged(added, listing.calls);
  const over = Math.max(0, calls.length - LISTED_MAX);
  return {
    listing: {
      ...listing,
      calls: over ? calls.slice(0, LISTED_MAX) : calls,
      before,
      complete: listing.complete && over === 0,
    },
    shift: before + added.length - listing.before,
  };
}

/** What the hub lists now around the newest: amended calls take their rows, unknown ones wait as fresh. */
export function applyNewest(listing: Listing, newest: Call[], more: boolean): Listing {
  const amended = new Map(newest.map((call) => [call.id, call]));
  const known = new Set(listing.calls.map((call) => call.id));
  const fresh = newest.filter((call) => !known.has(call.id));
  const still = listing.fresh.filter((call) => !amended.has(call.id));
  const calls = listing.calls.map((call) => {
    const other = amended.get(call.id);
    return other && other.revision > call.revision ? other : call;
  });
  const unbroken = newest.length === 0 || !more || newest.some((call) => known.has(call.id));
  return {
    ...listing,
    calls,
    fresh: merged(fresh, still),
    freshMore: listing.freshMore || !unbroken,
  };
}

/** Takes in what waited. Null: too much came, the list has to be made anew. */
export function takeFresh(listing: Listing): { listing: Listing; shift: number } | null {
  if (listing.freshMore || listing.before > 0) return null;
  const { listing: next, shift } = prependNewer({ ...listing, fresh: [] }, listing.fresh, true);
  return { listing: next, shift };
}

/** Newest first; a late one goes to its place. */
function merged(some: Call[], others: Call[]): Call[] {
  if (some.length === 0) return others;
  const later = (a: Call, b: Call) => (a.start < b.start ? 1 : a.start > b.start ? -1 : a.id < b.id ? 1 : -1);
  return [...some, ...others].sort(later);
}

export interface Size {
  rows: number;
  /** All rows are known. */
  exact: boolean;
}

/**
 * How many rows the list has. The density is of all calls: what the run has of those that lie in its time is
 * taken as the share that fits the filter elsewhere, too.
 */
export function sizeOf(listing: Listing, density: Density | null, fromMs: number): Size {
  const { calls, before, complete } = listing;
  const listed = before + calls.length;
  if (complete) return { rows: listed, exact: before === 0 };
  if (!density || calls.length === 0) return { rows: listed, exact: false };
  const tailMs = startMs(calls[calls.length - 1]);
  const older = countBetween(density, fromMs, tailMs) * shareOf(listing, density);
  return { rows: listed + Math.max(1, Math.round(older)), exact: false };
}

/** How many of all calls the filter lets through, by the run; 1 where it tells nothing. */
export function shareOf({ calls, fresh, filtered }: Listing, density: Density): number {
  if (!filtered || calls.length < 2) return 1;
  const [headMs, tailMs] = [startMs(calls[0]), startMs(calls[calls.length - 1])];
  const there = countBetween(density, tailMs, headMs);
  const seen = calls.length + fresh.filter((call) => startMs(call) < headMs).length;
  return there > 0 ? Math.min(1, seen / there) : 1;
}

/** Before which moment a row that is not known lies, by the estimate. */
export function momentOfRow(listing: Listing, row: number, density: Density, untilMs: number): number {
  return momentOf(density, row / Math.max(1e-6, shareOf(listing, density)), untilMs);
}
