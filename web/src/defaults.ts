/** Every tunable of the view, each with its unit and its reason. */

/** Acknowledge the newest frame no more often than this, in ms: the hub, which sends at least one frame
    a second, calls a page stale after 2 s. */
export const ACK_INTERVAL_MS = 500;
/** Reconnect after a random time in this range, in ms, so that viewers do not return in step. */
export const RECONNECT_MIN_MS = 300;
export const RECONNECT_MAX_MS = 3000;
/** Without any frame for this long, in ms, the picture is called stale. */
export const STALE_AFTER_MS = 2500;

/** Calls kept for the live lists. The rest is in the hub's history. */
export const CALLS_KEPT = 1500;
export const ERRORS_KEPT = 500;
/** Seconds kept for sparklines. */
export const SPARK_S = 60;

/** The timeline shows so much, in s: below a minute bars are single seconds wide as a thumb, and no hub keeps more than a month by itself. */
export const SPAN_MIN_S = 60;
export const SPAN_MAX_S = 31 * 86_400;
/** How far back the beginning of history is looked for, in s. */
export const BEGINNING_WITHIN_S = SPAN_MAX_S;
/** Steps of a histogram at most: the hub's bound. */
export const HISTOGRAM_STEPS = 600;
/** The live edge of the timeline is asked for anew no more often than this, in ms: bars are some 10 s wide then. */
export const TIMELINE_EVERY_MS = 5000;
/** A bar of the timeline with its gap, in pixels: thinner ones cannot be pointed at. */
export const TIMELINE_BAR_PX = 6;
/** Speeds of a replay; the hub allows 0.25 to 100. */
export const SPEEDS = [0.25, 0.5, 1, 4, 20, 100] as const;

/** How many times longer a request is shown than it took. 40: 10 ms become 0.4 s, which the eye follows. */
export const STRETCH_DEFAULT = 40;
export const STRETCH_CHOICES = [0, 1, 10, 40, 100, 400] as const;
/** A packet's travel time without its request's duration, in ms, and per world pixel of its way. */
export const TRAVEL_BASE_MS = 650;
export const TRAVEL_MS_PER_PX = 0.55;
/** The longest stretched duration shown, in ms: a 30 s timeout must not crawl for 20 minutes. */
export const STRETCHED_MAX_MS = 6000;

/** Packets drawn at once. Before it is reached the ok ones of all ways are thinned. */
export const PACKETS_MAX = 2000;
/** Up to this rate per edge (calls/s) each request is one packet; above it the stream is thinned. */
export const PACKET_RATE_EACH = 3;
/** Edges drawn highlighted at once, each with its own prebuilt path. */
export const HIGHLIGHT_MAX = 150;

/** From this many servers on, hulls show totals only until one is opened: six open ones were hard to read. */
export const COLLAPSE_FROM = 5;
/** A server whose agent is gone fades at once and leaves the picture after this long, in ms: a restart is over by then. */
export const GONE_HIDDEN_AFTER_MS = 10 * 60_000;
/** Intruders with a node of their own; a scan from a hundred addresses must not bury the rest. */
export const INTRUDERS_MAX = 8;
/** Columns of cards in a hull: deeper chains share the last ones, or a hull is wider than any screen. */
export const RANKS_MAX = 5;

/** Alpha of what a selection does not concern. */
export const DIM_ALPHA = 0.26;
/** The hull's layout may still be re-ranked for this long after its first traffic, in ms. */
export const SETTLE_MS = 8000;

/** A row of the requests list, in px: a finger's width would halve what a screen shows. */
export const ROW_PX = 34;
/** Calls asked for at once: a screenful several times over, some 200 kB. */
export const PAGE_CALLS = 200;
/** Calls of the list kept in the page; behind them the hub is asked again. */
export const LISTED_MAX = 6000;
/** The scrolled height at most, in px: Firefox draws nothing beyond 17.8 million. */
export const SCROLL_MAX_PX = 8_000_000;
/** New calls are looked for this often, in ms, while the list is open. */
export const FRESH_EVERY_MS = 2000;
/** Calls settle up to 5 s late and are listed by when they began: so far behind the newest one is looked, in s. */
export const FRESH_BACK_S = 10;
/** New calls that are counted one by one; of more it is only said that there are more. */
export const FRESH_MAX = 500;
/** Requests of a chain shown together, and how deep it is followed. */
export const CHAIN_MAX = 40;
export const CHAIN_DEPTH = 6;
