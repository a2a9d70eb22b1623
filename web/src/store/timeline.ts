/** What the timeline at the bottom knows and shows; made of the hub's answers only. */
import { type Bars, ownSpan, type Span } from "./span";

export interface Range {
  fromS: number;
  toS: number;
}

export interface Timeline {
  span: Span;
  /** Nobody zoomed yet: the span grows with what is kept. */
  own: boolean;
  /** Null: the hub has not answered yet. */
  bars: Bars | null;
  /** When the first kept call ended; null: nothing is kept, or the hub has not said. */
  beginS: number | null;
  /** What somebody selected. */
  range: Range | null;
  /** Why there is nothing new to show. */
  error: string;
}

export function emptyTimeline(): Timeline {
  return { span: ownSpan(null, 0), own: true, bars: null, beginS: null, range: null, error: "" };
}

/** What the bars that begin within a stretch hold. */
export function within(bars: Bars | null, range: Range): { calls: number; errors: number } {
  const sum = { calls: 0, errors: 0 };
  bars?.calls.forEach((calls, i) => {
    const at = bars.sinceS + i * bars.barS;
    if (at + bars.barS <= range.fromS || at >= range.toS) return;
    sum.calls += calls;
    sum.errors += bars.errors[i];
  });
  return sum;
}
