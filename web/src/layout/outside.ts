/**
 * Curves that run outside a hull: to the discs, between gateways of different servers, and past a gateway.
 */
import { arc, bulge, type Cubic, flow, type Point, reversed, rounded } from "./curves";
import { columnOf, type Lanes } from "./lanes";
import type { Leg } from "./legs";
import { centerY, type Hull, type Item } from "./model";
import type { Placed } from "./servers";

const CORNER = 26;
const CORRIDOR = 28;
const GUTTER = 56;
/** A corridor keeps this far from a hull. */
const CLEAR = 12;

export function curveOutside(leg: Leg, a: Point, b: Point, placed: Placed, lanes: Lanes): Cubic[] {
  const { from, to } = leg;
  if (from.kind === "pill" && to.kind === "pill") return trunk(from, to, a, b, placed);
  if (from.kind === "chip") return fromChip(from, to, b, placed);
  if (from.kind === "pill" && to.kind === "chip") return reversed(fromChip(to, from, a, placed));
  if (from.kind === "disc") return fromDisc(from, to, a, b, placed, lanes);
  if (to.kind === "disc") return from.kind === "card" ? exit(leg, a, b, placed, lanes) : [flow(a, b)];
  if (from.kind === "card") return exit(leg, a, b, placed, lanes);
  return [flow(a, b)];
}

function hullOf(item: Item, placed: Placed): Hull | undefined {
  return item.server === null ? undefined : placed.hulls.get(item.server);
}

/** Between gateways: an arc beside the hulls, or round them where they stand in a grid. */
function trunk(from: Item, to: Item, a: Point, b: Point, placed: Placed): Cubic[] {
  const [one, other] = [hullOf(from, placed), hullOf(to, placed)];
  if (from.side !== to.side) return [flow(a, b)];
  const out = from.side === "right" ? 1 : -1;
  if (one?.gridColumn === other?.gridColumn) return [arc(a, b, out * bulge(a, b))];
  const [x0, x1] = [a[0] + out * GUTTER, b[0] + out * GUTTER];
  return around(a, b, out, freeCorridor(placed, x0, x1, corridorBelow(one, other)));
}

function around(a: Point, b: Point, out: 1 | -1, corridor: number): Cubic[] {
  const [ax, bx] = [a[0] + out * GUTTER, b[0] + out * GUTTER];
  return rounded([a, [ax, a[1]], [ax, corridor], [bx, corridor], [bx, b[1]], b], CORNER);
}

function corridorBelow(one: Hull | undefined, other: Hull | undefined): number {
  if (!one || !other) return 0;
  const upper = one.y <= other.y ? one : other;
  return upper.y + upper.h + CORRIDOR;
}

/** The height nearest to `wished` at which nothing stands in the way between two gutters. */
function freeCorridor(placed: Placed, x0: number, x1: number, wished: number): number {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const between = [...placed.hulls.values()].filter((h) => h.x < right && h.x + h.w > left);
  const free = (y: number) => between.every((h) => y <= h.y - CLEAR || y >= h.y + h.h + CLEAR);
  if (free(wished)) return wished;
  const ways = between.flatMap((h) => [h.y - CORRIDOR, h.y + h.h + CORRIDOR]).filter(free);
  return ways.sort((p, q) => Math.abs(p - wished) - Math.abs(q - wished) || p - q)[0] ?? wished;
}

function fromChip(chip: Item, to: Item, b: Point, placed: Placed): Cubic[] {
  const hull = hullOf(chip, placed);
  const x = chip.x + chip.w - 22;
  if (to.side === "right" && to.server === chip.server) {
    return [[x, chip.y, x, b[1], b[0] - 24, b[1], b[0], b[1]]];
  }
  if (to.side === "right" && hull && chip.side === "left") {
    const corridor = hull.y + hull.h + CORRIDOR;
    const right = Math.max(hull.x + hull.w, b[0]) + GUTTER * 0.75;
    return rounded([[x, chip.y + chip.h], [x, corridor], [right, corridor], [right, b[1]], b], CORNER);
  }
  if (to.side === "right" || !hull) {
    const start: Point = [chip.x + chip.w, centerY(chip)];
    const grid = hull && hullOf(to, placed)?.gridColumn !== hull.gridColumn;
    return grid
      ? around(
          start,
          b,
          1,
          freeCorridor(placed, start[0] + GUTTER, b[0] + GUTTER, hull.y + hull.h + CORRIDOR),
        )
      : [arc(start, b, b[1] > start[1] ? 44 : 78)];
  }
  const grid = hullOf(to, placed)?.gridColumn !== hull.gridColumn;
  if (chip.side === "left" && !grid) {
    const start: Point = [chip.x, centerY(chip)];
    return [arc(start, b, b[1] > start[1] ? -48 : -92)];
  }
  const corridor = hull.y + hull.h + CORRIDOR;
  const left = Math.min(hull.x, b[0]) - GUTTER;
  return rounded([[x, chip.y + chip.h], [x, corridor], [left, corridor], [left, b[1]], b], CORNER);
}

function fromDisc(from: Item, to: Item, a: Point, b: Point, placed: Placed, lanes: Lanes): Cubic[] {
  const hull = hullOf(to, placed);
  if (!hull) return [flow(a, b)];
  if (to.kind === "card") return enter(from, to, a, b, hull, lanes);
  if (to.side === from.side) {
    if (hull.gridColumn === 0 || from.side === "right") return [flow(a, b)];
    const x = hull.x - GUTTER;
    const start = a[0] + GUTTER;
    const corridor = freeCorridor(placed, start, x, hull.y - CORRIDOR);
    return rounded([a, [start, a[1]], [start, corridor], [x, corridor], [x, b[1]], b], CORNER);
  }
  const out = to.side === "right" ? 1 : -1;
  const near = a[0] + out * GUTTER;
  const far = b[0] + out * GUTTER;
  const corridor = freeCorridor(placed, near, far, hull.y + hull.h + CORRIDOR);
  return rounded([a, [near, a[1]], [near, corridor], [far, corridor], [far, b[1]], b], CORNER);
}

/** From a disc to a card that no gateway stands before. */
function enter(from: Item, to: Item, a: Point, b: Point, hull: Hull, lanes: Lanes): Cubic[] {
  const start = from.side === "left" ? -1 : hull.columns.length;
  const points = [a, ...lanes.pass(hull, start, columnOf(to, hull), a[1], b[1]), b];
  return points.slice(1).map((point, i) => flow(points[i], point));
}

/** From a card past its own gateway to another server's gateway, or to a disc. */
function exit(leg: Leg, a: Point, b: Point, placed: Placed, lanes: Lanes): Cubic[] {
  const hull = hullOf(leg.from, placed);
  if (!hull) return [flow(a, b)];
  const right = leg.fromSide === "right";
  const border: Point = [right ? hull.x + hull.w : hull.x, exitY(leg.from, hull, b[1], right, placed)];
  const end = right ? hull.columns.length : -1;
  const points = [a, ...lanes.pass(hull, leg.from.column, end, a[1], border[1]), border];
  const inner = points.slice(1).map((point, i) => flow(points[i], point));
  if (leg.to.kind === "disc") return [...inner, flow(border, b)];
  const grid = hullOf(leg.to, placed)?.gridColumn !== hull.gridColumn;
  const out = right ? 1 : -1;
  const rest = grid
    ? around(
        border,
        b,
        out,
        freeCorridor(placed, border[0] + out * GUTTER, b[0] + out * GUTTER, hull.y + hull.h + CORRIDOR),
      )
    : [arc(border, b, out * bulge(border, b) * 0.72)];
  return [...inner, ...rest];
}

/** Past the pill on this border: below it for what lies below, else above it. */
function exitY(from: Item, hull: Hull, towards: number, right: boolean, placed: Placed): number {
  const pills = [...placed.items.values()].filter(
    (item) => item.kind === "pill" && item.server === hull.id && (item.side === "right") === right,
  );
  if (pills.length === 0) return centerY(from);
  const top = Math.min(...pills.map((pill) => pill.y));
  const bottom = Math.max(...pills.map((pill) => pill.y + pill.h));
  return towards > centerY(hull) ? bottom + 13 : top - 13;
}
