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

export class Lanes {
  private cards = new Map<string, Item[]>();
  private taken = new Map<string, number[]>();

  constructor(private placed: Placed) {
    for (const item of placed.items.values()) {
      if (item.kind !== "card") continue;
      const key = `${item.server} ${item.column}`;
      const list = this.cards.get(key);
      if (list) list.push(item);
      else this.cards.set(key, [item]);
    }
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
    const key = `${hull.id} ${column}`;
    const cards = this.cards.get(key) ?? [];
    const lanes = this.taken.get(key) ?? [];
    const clear = (y: number) =>
      cards.every((c) => y < c.y - CARD_CLEARANCE || y > c.y + c.h + CARD_CLEARANCE);
    const apart = (y: number) => lanes.every((other) => Math.abs(other - y) >= LANE_CLEARANCE);
    const inside = (y: number) => y > hull.y + HEADER - 16 && y < hull.y + hull.h - 14;
    const y =
      nearest(wished, (at) => inside(at) && clear(at) && apart(at)) ?? nearest(wished, clear) ?? wished;
    this.taken.set(key, [...lanes, y]);
    return y;
  }
}

/** Columns count from 0; the left border is -1, the right border the number of columns. */
export function columnOf(item: Item, hull: Hull): number {
  if (item.kind === "card") return item.column;
  return item.side === "left" ? -1 : hull.columns.length;
}

function nearest(wished: number, fits: (y: number) => boolean): number | undefined {
  for (let away = 0; away < 1200; away += 2) {
    if (fits(wished + away)) return wished + away;
    if (fits(wished - away)) return wished - away;
  }
  return undefined;
}

function curve(points: Point[]): Cubic[] {
  return points.slice(1).map((point, i) => flow(points[i], point));
}
