/**
 * Lanes: horizontal ways between the cards of a column, for lines that pass the column.
 *
 * Always holds: a lane keeps clear of every card of its column and of the lanes already taken, as
 * long as there is room; otherwise it shares the nearest one.
 */
import { arc, type Cubic, flow, type Point } from "./curves";
import type { Leg } from "./legs";
import { HEADER, type Hull, type Item } from "./model";
import type { Placed } from "./servers";

const CARD_CLEARANCE = 5;
const LANE_CLEARANCE = 4;
const RUN_UP = 16;

/** A way past one column, taken at this height. */
export interface Lane {
  hull: string;
  column: number;
  y: number;
}

/** What may not be crossed in one column: cards, and lanes already taken. Both as intervals, by their upper end. */
interface Blocked {
  cards: Interval[];
  all: Interval[];
}

type Interval = readonly [low: number, high: number];

export class Lanes {
  private columns = new Map<string, Blocked>();
  private used: Lane[] = [];

  constructor(private placed: Placed) {
    for (const item of placed.items.values()) {
      if (item.kind !== "card" || item.server === null) continue;
      const blocked = this.blocked(item.server, item.column);
      const interval: Interval = [item.y - CARD_CLEARANCE, item.y + item.h + CARD_CLEARANCE];
      insert(blocked.cards, interval);
      insert(blocked.all, interval);
    }
  }

  /** The lanes taken since this was asked last. */
  taken(): Lane[] {
    const used = this.used;
    this.used = [];
    return used;
  }

  /** Takes the lanes of an earlier layout again; false where a card stands in one of them now. */
  retake(lanes: Lane[]): boolean {
    if (!lanes.every(({ hull, column, y }) => free(this.blocked(hull, column).cards, y))) return false;
    for (const lane of lanes) this.occupy(lane);
    return true;
  }

  /** A curve between two items of one hull. */
  through(leg: Leg, a: Point, b: Point): Cubic[] {
    const hull = this.placed.hulls.get(leg.from.server!)!;
    const [from, to] = [columnOf(leg.from, hull), columnOf(leg.to, hull)];
    if (from === to) return [arc(a, b, 34)];
    return curve([a, ...this.pass(hull, from, to, a[1], b[1]), b]);
  }

  /** Points of the way past all columns between `from` and `to` (both excluded), in that order. */
  pass(hull: Hull, from: number, to: number, y0: number, y1: number): Point[] {
    const step = to > from ? 1 : -1;
    const points: Point[] = [];
    const total = Math.abs(to - from);
    for (let column = from + step, i = 1; column !== to; column += step, i++) {
      const { x, w } = hull.columns[column];
      const y = this.take(hull, column, y0 + ((y1 - y0) * i) / total);
      const [left, right]: Point[] = [
        [x - RUN_UP, y],
        [x + w + RUN_UP, y],
      ];
      points.push(...(step > 0 ? [left, right] : [right, left]));
    }
    return points;
  }

  private take(hull: Hull, column: number, wished: number): number {
    const { cards, all } = this.blocked(hull.id, column);
    const [top, bottom] = [hull.y + HEADER - 16, hull.y + hull.h - 14];
    const y = nearest(all, wished, top, bottom) ?? nearest(cards, wished, top, bottom) ?? wished;
    this.used.push({ hull: hull.id, column, y });
    this.occupy({ hull: hull.id, column, y });
    return y;
  }

  private occupy({ hull, column, y }: Lane): void {
    insert(this.blocked(hull, column).all, [y - LANE_CLEARANCE, y + LANE_CLEARANCE]);
  }

  private blocked(hull: string, column: number): Blocked {
    const key = `${hull} ${column}`;
    const known = this.columns.get(key);
    if (known) return known;
    const made: Blocked = { cards: [], all: [] };
    this.columns.set(key, made);
    return made;
  }
}

function insert(into: Interval[], interval: Interval): void {
  let i = into.length;
  while (i > 0 && into[i - 1][0] > interval[0]) i--;
  into.splice(i, 0, interval);
}

function free(blocked: Interval[], y: number): boolean {
  return blocked.every(([low, high]) => y <= low || y >= high);
}

/** The height nearest to `wished` that is in no interval, within bounds. */
function nearest(blocked: Interval[], wished: number, top: number, bottom: number): number | undefined {
  const start = Math.min(bottom, Math.max(top, wished));
  let below = start;
  for (const [low, high] of blocked) if (low < below && below < high) below = high;
  let above = start;
  for (let moved = true; moved; ) {
    moved = false;
    for (let i = blocked.length - 1; i >= 0; i--) {
      const [low, high] = blocked[i];
      if (low < above && above < high) {
        above = low;
        moved = true;
      }
    }
  }
  const fits = [below, above].filter((y) => y >= top && y <= bottom);
  return fits.sort((a, b) => Math.abs(a - wished) - Math.abs(b - wished))[0];
}

/** Columns count from 0; the left border is -1, the right border the number of columns. */
export function columnOf(item: Item, hull: Hull): number {
  if (item.kind === "card") return item.column;
  return item.side === "left" ? -1 : hull.columns.length;
}

function curve(points: Point[]): Cubic[] {
  return points.slice(1).map((point, i) => flow(points[i], point));
}
