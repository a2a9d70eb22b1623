/**
 * Edges as curves: ports spread along each side, lanes through the gaps between rows.
 *
 * Enters: the edges and the placed items and hulls. Leaves: a curve per leg (what is painted) and a
 * track per edge (what packets move along). Always holds: inside a hull no curve crosses a card
 * that it does not belong to, as long as a gap is left.
 */
import type { Edge } from "#forms";
import { type Cubic, type Point, STEP, type Track, track } from "./curves";
import { Lanes } from "./lanes";
import { type Leg, type LegStyle, waysOf } from "./legs";
import { centerY, type Item, type Side } from "./model";
import { curveOutside } from "./outside";
import type { Placed } from "./servers";

export interface LegCurve {
  key: string;
  style: LegStyle;
  edges: number[];
  from: string;
  to: string;
  cubics: Cubic[];
  /** Where a label may stand. */
  middle: Point;
  /** Where the line ends, and whether it runs right (1) or left (-1) there. */
  end: Point;
  heading: 1 | -1;
}

export interface Route {
  edge: number;
  style: LegStyle;
  cubics: Cubic[];
  track: Track;
  /** An intruder's first gateway: where it is, and after which share of the way. */
  knock: { at: Point; share: number } | null;
}

export interface Routes {
  legs: LegCurve[];
  routes: Map<number, Route>;
}

export function routeEdges(edges: Iterable<Edge>, placed: Placed): Routes {
  const { ways, legs } = waysOf(edges, placed.items);
  const ports = spreadPorts(legs);
  const lanes = new Lanes(placed);
  const curves = new Map<string, LegCurve>();
  for (const leg of legs) {
    curves.set(leg.key, curveOf(leg, ports.get(`${leg.key} a`)!, ports.get(`${leg.key} b`)!, placed, lanes));
  }
  const routes = new Map<number, Route>();
  for (const { edge, legs: parts } of ways) {
    const cubics = parts.flatMap(({ leg, reverse }) => {
      const own = curves.get(leg.key)!.cubics;
      return reverse ? reversed(own) : own;
    });
    const { style, key } = parts[0].leg;
    const whole = track(cubics);
    const knock = style === "outside" ? knockOf(curves.get(key)!, whole) : null;
    routes.set(edge.index, { edge: edge.index, style, cubics, track: whole, knock });
  }
  return { legs: [...curves.values()], routes };
}

/** These stand where their line leaves its hull: in the middle they would meet the trunks' labels. */
const LABEL_EARLY: ReadonlySet<LegStyle> = new Set(["direct"]);
const LABEL_AFTER_PX = 72;
/** Share of the way: hairpins go both ways between two servers, their names must not meet. */
const LABEL_AT: Partial<Record<LegStyle, number>> = { hairpin: 0.28 };

function early(outside: Cubic): Point | null {
  const { points, length } = track([outside]);
  if (length < LABEL_AFTER_PX * 1.5) return null;
  const i = Math.round(LABEL_AFTER_PX / STEP);
  return [points[2 * i], points[2 * i + 1]];
}

function knockOf(first: LegCurve, whole: Track): Route["knock"] {
  return {
    at: first.end,
    share: whole.length > 0 ? Math.min(1, track(first.cubics).length / whole.length) : 1,
  };
}

function curveOf(leg: Leg, a: Point, b: Point, placed: Placed, lanes: Lanes): LegCurve {
  const inside = leg.from.server !== null && leg.from.server === leg.to.server && leg.from.kind !== "chip";
  const cubics = inside ? lanes.through(leg, a, b) : curveOutside(leg, a, b, placed, lanes);
  const { points, count } = track(cubics);
  const labelled = Math.floor(count * (LABEL_AT[leg.style] ?? 0.5)) * 2;
  const last = cubics[cubics.length - 1];
  return {
    key: leg.key,
    style: leg.style,
    edges: leg.edges,
    from: leg.from.id,
    to: leg.to.id,
    cubics,
    middle: (LABEL_EARLY.has(leg.style) && early(last)) || [points[labelled], points[labelled + 1]],
    end: [last[6], last[7]],
    heading: last[6] >= last[4] ? 1 : -1,
  };
}

function reversed(cubics: Cubic[]): Cubic[] {
  return [...cubics].reverse().map((c): Cubic => [c[6], c[7], c[4], c[5], c[2], c[3], c[0], c[1]]);
}

interface End {
  port: string;
  item: Item;
  side: Side;
  order: number;
}

/** A point for both ends of each leg, `<key> a` and `<key> b`, in the order of what they lead to. */
export function spreadPorts(legs: Leg[]): Map<string, Point> {
  const groups = new Map<string, End[]>();
  const gather = (port: string, item: Item, side: Side, other: Item) => {
    const key = `${item.id} ${side}`;
    const end = { port, item, side, order: portOrder(item, side, other) };
    const group = groups.get(key);
    if (group) group.push(end);
    else groups.set(key, [end]);
  };
  for (const leg of legs) {
    gather(`${leg.key} a`, leg.from, leg.fromSide, leg.to);
    gather(`${leg.key} b`, leg.to, leg.toSide, leg.from);
  }
  const ports = new Map<string, Point>();
  for (const group of groups.values()) {
    group.sort((x, y) => x.order - y.order || (x.port < y.port ? -1 : 1));
    group.forEach((end, i) => ports.set(end.port, portAt(end, i, group.length)));
  }
  return ports;
}

/**
 * Lines that go straight on keep the order of what they lead to. Arcs that turn back along the border
 * nest: of those that go down, the one that goes farthest starts highest, and the other way round.
 */
function portOrder(item: Item, side: Side, other: Item): number {
  const dy = centerY(other) - centerY(item);
  const outward = item.kind === "pill" && side === item.side;
  if (!outward) return centerY(other);
  if (other.kind === "disc") return dy * 10;
  return dy === 0 ? 0 : 1 / dy;
}

function portAt({ item, side }: End, index: number, count: number): Point {
  const x = side === "left" ? item.x : item.x + item.w;
  const room = item.kind === "pill" ? item.h - 34 : item.kind === "card" ? item.h - 22 : 0;
  const step = count > 1 ? Math.min(item.kind === "pill" ? 14 : 9, room / (count - 1)) : 0;
  return [x, centerY(item) + (index - (count - 1) / 2) * step];
}
