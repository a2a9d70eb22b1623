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
/** Seconds kept for sparklines, and for the timeline since opening. */
export const SPARK_S = 60;
export const TIMELINE_S = 300;

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
