/**
 * Keeps the requests list filled: asks the hub for what one scrolls to, and for what is new.
 *
 * Enters: the view's filter and what rows are looked at. Leaves: a `Listing`. Always holds: one question at a
 * time; another filter makes the list anew; what arrives meanwhile waits until somebody asks for it.
 */
import type { Requests } from "#forms";
import { fetchPage } from "../backend/calls";
import { fetchBeginning, fetchHistogram } from "../backend/histogram";
import { FRESH_BACK_S, FRESH_EVERY_MS, FRESH_MAX, PAGE_CALLS, SPAN_MAX_S } from "../defaults";
import { listFilter, stamp } from "../select/listed";
import { type Density, momentOf } from "../store/density";
import {
  appendOlder,
  applyNewest,
  emptyListing,
  type Listing,
  momentOfRow,
  prependNewer,
  type Size,
  shareOf,
  sizeOf,
  startMs,
  takeFresh,
} from "../store/listing";
import type { App } from "./app";

/** Rows this near the end of what is known are asked for. */
const AHEAD_ROWS = 80;
/** Newer calls are asked for by time, at most so many pages of `NEWER_LIMIT` at once. */
const NEWER_PAGES = 2;
const NEWER_LIMIT = 500;

export interface Lister {
  listing: Listing;
  error: string;
  /** The first answer is awaited. */
  loading: boolean;
  size(): Size;
  /** What the hub is asked for, to be asked in another format, too. */
  filter(): Record<string, string>;
  /** Rows [first, end) are looked at. */
  look(first: number, end: number): void;
  /** Takes in what is new; true: the list begins anew. */
  takeNew(): boolean;
  /** Called at each update of the page. */
  tick(): void;
}

/** `moved`: rows shifted by so many; `changed`: draw again. */
export function lister(app: App, changed: () => void, moved: (rows: number) => void): Lister {
  let abort = new AbortController();
  let [busy, key, newestDue] = [false, "", 0];
  let density: Density | null = null;

  const times = () => {
    const { sinceMs, untilMs } = app.state.window;
    // In a replay the list ends with the moment that is shown.
    return { sinceMs, untilMs: untilMs ?? (app.state.course ? app.state.graph.timeMs : null) };
  };
  const ownFilter = () => listFilter(app.state.q, app.state.filters, times());
  const nowMs = () => (app.state.course ? app.state.graph.timeMs : app.nowMs());
  const endMs = () => app.state.window.untilMs ?? nowMs();
  const fromMs = () => app.state.window.sinceMs ?? nowMs() - SPAN_MAX_S * 1000;

  const self: Lister = {
    listing: emptyListing(),
    error: "",
    loading: true,
    size: () => sizeOf(self.listing, density, fromMs()),
    filter: ownFilter,
    look,
    takeNew,
    tick,
  };

  /** One question; what another filter made stale is thrown away. */
  async function run(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (busy) return;
    busy = true;
    const { signal } = abort;
    try {
      await job(signal);
      self.error = "";
    } catch (error) {
      if (signal.aborted) return;
      self.error = error instanceof Error ? error.message : String(error);
      newestDue = performance.now() + FRESH_EVERY_MS;
    } finally {
      if (!signal.aborted) {
        busy = self.loading = false;
        changed();
      }
    }
  }

  const page = (more: Record<string, string>, signal: AbortSignal, limit = PAGE_CALLS): Promise<Requests> =>
    fetchPage({ ...ownFilter(), ...more, limit: String(limit) }, signal);

  async function askDensity(signal: AbortSignal): Promise<void> {
    const until = Math.ceil(endMs() / 1000) + 1;
    const { beginS } = app.state.timeline;
    const kept = app.state.window.sinceMs === null ? (beginS ?? (await fetchBeginning(until, signal))) : null;
    const since = Math.floor(kept ?? fromMs() / 1000);
    const found = await fetchHistogram(Math.min(since, until - 1), until, signal, ownFilter());
    density = { sinceMs: Date.parse(found.since), stepMs: found.step_s * 1000, calls: found.calls };
  }

  /** Anew from the newest, or from what began before a moment: `before` rows are estimated to be newer. */
  function begin(before: number, untilMs: number | null): void {
    abort.abort();
    abort = new AbortController();
    busy = false;
    self.loading = true;
    void run(async (signal) => {
      // Rows do not wait for how many there are; and where somebody scrolls to, the estimate that led there holds.
      if (untilMs === null || !density) askDensity(signal).then(changed, () => {});
      const first = untilMs === null ? await page({}, signal) : await someBefore(untilMs, signal);
      if (signal.aborted) return;
      const made = emptyListing(first.requests.length === 0 ? 0 : before, ownFilter().q !== undefined);
      self.listing = appendOlder(made, first.requests, first.next_cursor === null);
      newestDue = performance.now() + FRESH_EVERY_MS;
    });
  }

  /** The estimate may lead before the first call of all: then a little later. */
  async function someBefore(untilMs: number, signal: AbortSignal): Promise<Requests> {
    for (let more = 1000; ; more *= 4) {
      const found = await page({ until: stamp(untilMs) }, signal);
      if (found.requests.length > 0 || untilMs >= endMs()) return found;
      untilMs = Math.min(endMs(), untilMs + more);
    }
  }

  function look(first: number, end: number): void {
    const { listing } = self;
    if (busy || self.loading || self.error) return;
    const last = listing.before + listing.calls.length;
    const far = PAGE_CALLS * 3;
    if (density && (first > last + far || end < listing.before - far)) return jump(first);
    if (end + AHEAD_ROWS > last && !listing.complete) {
      const cursor = listing.calls.at(-1)?.id;
      void run(async (signal) => {
        const older = await page(cursor ? { cursor } : {}, signal);
        if (!signal.aborted)
          self.listing = appendOlder(self.listing, older.requests, older.next_cursor === null);
      });
    } else if (listing.before > 0 && first - AHEAD_ROWS < listing.before) void run(newer);
  }

  /** To rows that the run does not reach: it begins anew at the moment where they are estimated to lie. */
  function jump(row: number): void {
    if (!density) return;
    if (row < PAGE_CALLS) return begin(0, null);
    begin(row, momentOfRow(self.listing, row, density, endMs()));
  }

  async function newer(signal: AbortSignal): Promise<void> {
    const head = self.listing.calls[0];
    if (!head || !density) return;
    const from = startMs(head);
    const share = Math.max(1e-6, shareOf(self.listing, density));
    let span = Math.max(
      1000,
      momentOf(density, Math.max(0, self.listing.before - PAGE_CALLS) / share, endMs()) - from,
    );
    for (;;) {
      const until = Math.min(endMs(), from + span);
      const found: Requests["requests"] = [];
      let cursor: string | null = "";
      for (let i = 0; i < NEWER_PAGES && cursor !== null; i++) {
        const more: Record<string, string> = { since: stamp(from), until: stamp(until) };
        if (cursor) more.cursor = cursor;
        const part: Requests = await page(more, signal, NEWER_LIMIT);
        found.push(...part.requests);
        cursor = part.next_cursor;
      }
      if (signal.aborted) return;
      if (cursor !== null) {
        // Too long a time: what came tells how dense calls are there.
        const oldest = found.at(-1);
        const msEach = (until - (oldest ? startMs(oldest) : from)) / found.length;
        span = Math.min(span / 2, msEach * NEWER_LIMIT);
        continue;
      }
      const known = self.listing.calls.some((call) => call.id === found[0]?.id);
      const all = until >= endMs();
      if (!all && (found.length === 0 || known)) {
        span *= 4;
        continue;
      }
      const next = prependNewer(self.listing, found, all);
      self.listing = next.listing;
      if (next.shift !== 0) moved(next.shift);
      return;
    }
  }

  function takeNew(): boolean {
    const taken = takeFresh(self.listing);
    if (taken) self.listing = taken.listing;
    else begin(0, null);
    changed();
    return taken === null;
  }

  function tick(): void {
    const { q, qError, filters, window, course } = app.state;
    const wanted = JSON.stringify([q, [...filters.classes], window, course !== null]);
    if (wanted !== key && qError === null) {
      key = wanted;
      density = null;
      self.listing = emptyListing();
      self.error = "";
      begin(0, null);
      return changed();
    }
    const now = performance.now();
    if (window.untilMs !== null || document.hidden || busy || now < newestDue) return;
    newestDue = now + FRESH_EVERY_MS;
    if (self.listing.before > 0) return;
    void run(async (signal) => {
      const { calls, fresh } = self.listing;
      const newest = fresh[0] ?? calls[0];
      const since = newest
        ? Math.max(fromMs(), startMs(newest) - FRESH_BACK_S * 1000)
        : app.state.window.sinceMs;
      const found = await page(since === null ? {} : { since: stamp(since) }, signal, FRESH_MAX);
      if (signal.aborted) return;
      if (calls.length === 0)
        self.listing = appendOlder(self.listing, found.requests, found.next_cursor === null);
      else
        self.listing = applyNewest(
          self.listing,
          inRun(self.listing, found.requests),
          found.next_cursor !== null,
        );
    });
  }

  return self;
}

/** Not what lies behind the run's last call: that comes with its own page. */
function inRun({ calls, complete }: Listing, found: Requests["requests"]): Requests["requests"] {
  const last = calls.at(-1);
  return last && !complete ? found.filter((call) => call.start >= last.start) : found;
}
