/**
 * The stretch of time that the timeline shows, and how it is cut into bars.
 *
 * Enters: a span, the time now, how many bars there is room for; counts as the hub tells them. Leaves: spans,
 * what to ask the hub for, bars. Always holds: bars begin at multiples of their length, so that they stand still
 * while time goes on; a span ends by now, and is neither shorter nor longer than the defaults allow. Pure.
 */
import { HISTOGRAM_STEPS, SPAN_MAX_S, SPAN_MIN_S } from "../defaults";

/** Seconds since 1970. `toS` null: up to now, and moving with it. */
export interface Span {
  lengthS: number;
  toS: number | null;
}

export interface Bars {
  sinceS: number;
  barS: number;
  calls: number[];
  errors: number[];
}

/** What to ask for so that whole steps of the answer make bars of `barS`. */
export interface Ask {
  sinceS: number;
  untilS: number;
  barS: number;
}

/** Lengths of a bar that people count in, s. */
const BAR_CHOICES_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];
/** The hub counts by second up to this length, s, and within the last day; else by minute. */
const FINE_S = 7200;
const DAY_S = 86_400;
/** Smallest span first, for a view that nobody has zoomed yet, s. */
const OWN_CHOICES_S = [300, 900, 1800];

export function edges(span: Span, nowS: number): { fromS: number; toS: number } {
  const toS = span.toS ?? nowS;
  return { fromS: toS - span.lengthS, toS };
}

/** The span that fits what is kept; more than half an hour only when somebody asks. */
export function ownSpan(beginS: number | null, nowS: number): Span {
  const kept = beginS === null ? 0 : nowS - beginS;
  return { lengthS: OWN_CHOICES_S.find((s) => s >= kept) ?? OWN_CHOICES_S[2], toS: null };
}

/** `factor` below 1: closer. What is at `aroundS` stays where it is, as far as now allows. */
export function zoomed(span: Span, factor: number, aroundS: number, nowS: number): Span {
  const { fromS, toS } = edges(span, nowS);
  const lengthS = Math.round(Math.min(SPAN_MAX_S, Math.max(SPAN_MIN_S, span.lengthS * factor)));
  const share = (aroundS - fromS) / (toS - fromS);
  return ending(lengthS, aroundS + lengthS * (1 - share), nowS);
}

export function panned(span: Span, byS: number, nowS: number): Span {
  return ending(span.lengthS, edges(span, nowS).toS + byS, nowS);
}

/** Exactly this stretch, with at least the least length around its middle. */
export function between(fromS: number, toS: number, nowS: number): Span {
  const lengthS = Math.min(SPAN_MAX_S, Math.max(SPAN_MIN_S, toS - fromS));
  return ending(lengthS, (fromS + toS + lengthS) / 2, nowS);
}

function ending(lengthS: number, toS: number, nowS: number): Span {
  return { lengthS, toS: toS >= nowS - lengthS / 200 ? null : Math.round(toS) };
}

export function askFor(span: Span, nowS: number, room: number): Ask {
  const { fromS, toS } = edges(span, nowS);
  const fine = span.lengthS <= FINE_S && fromS - span.lengthS > nowS - DAY_S;
  const unit = fine ? 1 : 60;
  const choices = BAR_CHOICES_S.filter((s) => s % unit === 0);
  const barS = choices.find((s) => span.lengthS / s <= room) ?? choices[choices.length - 1];
  const untilS = Math.ceil(toS / barS) * barS;
  const count = Math.ceil((untilS - fromS) / barS);
  const least = Math.ceil((barS * count) / unit / HISTOGRAM_STEPS);
  let steps = least;
  while ((barS / unit) % steps !== 0) steps++;
  // The hub's steps are as long as its bound makes them: where that length divides no bar, ask for more.
  const enough = steps === least ? count : Math.floor(((steps - 1) * HISTOGRAM_STEPS * unit) / barS) + 1;
  return { sinceS: untilS - Math.max(count, enough) * barS, untilS, barS };
}

export function barsOf(
  answer: { sinceS: number; stepS: number; calls: number[]; errors: number[] },
  ask: Ask,
): Bars {
  const count = Math.round((ask.untilS - ask.sinceS) / ask.barS);
  const bars: Bars = {
    sinceS: ask.sinceS,
    barS: ask.barS,
    calls: new Array(count).fill(0),
    errors: new Array(count).fill(0),
  };
  answer.calls.forEach((calls, i) => {
    const at = Math.floor((answer.sinceS + i * answer.stepS - ask.sinceS) / ask.barS);
    if (at < 0 || at >= count) return;
    bars.calls[at] += calls;
    bars.errors[at] += answer.errors[i];
  });
  return bars;
}

const TICK_CHOICES_S = [10, 30, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 172_800];

/** Times to write under the bars, at most `room` of them; `offsetS` is local time minus UTC. */
export function ticks(
  span: Span,
  nowS: number,
  room: number,
  offsetS: number,
): { stepS: number; at: number[] } {
  const { fromS, toS } = edges(span, nowS);
  const stepS =
    TICK_CHOICES_S.find((s) => span.lengthS / s <= room) ?? TICK_CHOICES_S[TICK_CHOICES_S.length - 1];
  const at: number[] = [];
  for (let t = Math.ceil((fromS + offsetS) / stepS) * stepS - offsetS; t < toS; t += stepS) at.push(t);
  return { stepS, at };
}
