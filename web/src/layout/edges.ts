/**
 * Edges as curves: ports spread along each side, lanes through the gaps between rows.
 *
 * Enters: the edges and the placed items and hulls. Leaves: a curve per leg (what is painted) and a
 * track per edge (what packets move along). Always holds: inside a hull no curve crosses a card
 * that it does not belong to, as long as a gap is left.
 */
import type { Edge } from "#forms";
import { at, type Cubic, type Point, STEP, type Track, track } from "./curves";
import { type Lane, Lanes } from "./lanes";
import { type Leg, type LegStyle, waysOf } from "./legs";
import { centerY, type Item, type Side } from "./model";
import { curveOutside } from "./outside";
import type { Placed } from "./servers";
import { EdgeRoute, WayShape } from "./ways";

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
  readonly edge: number;
  readonly style: LegStyle;
  readonly cubics: Cubic[];
  /** Worked out when first asked for: most lines of a large picture carry nothing at the moment. */
  readonly track: Track;
  /** An intruder's first gateway: where it is, and after which share of the way. */
  readonly knock: { at: Point; share: number } | null;
  /** All edges that take this very way, the same object for each of them. */
  readonly bundle: readonly number[];
}

export interface Routes {
  legs: LegCurve[];
  routes: Map<number, Route>;
}

/** Curves of the last layout: a line whose ends and hulls have not moved is not worked out again. */
export interface KnownCurve {
  ends: Ends;
  hulls: string;
  curve: LegCurve;
  lanes: Lane[];
}

/** What the last layout made of its edges. */
export interface Known {
  curves: Map<string, KnownCurve>;
  /** A way whose curves are the same keeps its track. */
  ways: Map<string, WayShape>;
}

/** Brings `known` up to date. */
export function routeEdges(edges: Iterable<Edge>, placed: Placed, known: Known): Routes {
  const { ways, legs } = waysOf(edges, placed.items);
  const curves = curvesOf(legs, placed, known.curves);
  const shapes = new Map<string, WayShape>();
  const routes = new Map<number, Route>();
  for (const way of ways) {
    const alone = way.legs.length === 1 && !way.legs[0].reverse;
    const key = alone
      ? way.legs[0].leg.key
      : way.legs.map(({ leg, reverse }) => `${leg.key} ${reverse}`).join("|");
    let shape = shapes.get(key);
    if (!shape) {
      const parts = way.legs.map(({ leg, reverse }) => ({ curve: curves.get(leg.key)!, reverse }));
      shape = known.ways.get(key)?.again(parts) ?? new WayShape(parts);
      shapes.set(key, shape);
    }
    shape.bundle.push(way.edge.index);
    routes.set(way.edge.index, new EdgeRoute(way.edge.index, shape));
  }
  known.ways.clear();
  for (const [key, shape] of shapes) known.ways.set(key, shape);
  return { legs: [...curves.values()], routes };
}

function curvesOf(legs: Leg[], placed: Placed, known: Map<string, KnownCurve>): Map<string, LegCurve> {
  const ports = spreadPorts(legs);
  const lanes = new Lanes(placed);
  const hulls = new Map(
    [...placed.hulls].map(([id, h]) => [id, `${h.x} ${h.y} ${h.w} ${h.h} ${h.columns.length}`]),
  );
  // A way outside the hulls may depend on any of them.
  const every = [...hulls.values()].join(";");
  const hullsOf = ({ from, to }: Leg) =>
    from.server !== null && from.server === to.server ? (hulls.get(from.server) ?? "") : every;
  const next = new Map<string, KnownCurve>();
  const anew: Leg[] = [];
  for (const leg of legs) {
    const before = known.get(leg.key);
    const same =
      before !== undefined &&
      sameEnds(before.ends, ports.get(leg)!) &&
      before.hulls === hullsOf(leg) &&
      lanes.retake(before.lanes);
    if (same) {
      before.curve.edges = leg.edges;
      next.set(leg.key, before);
    } else anew.push(leg);
  }
  for (const leg of anew) {
    const ends = ports.get(leg)!;
    const curve = curveOf(leg, ends.a, ends.b, placed, lanes);
    next.set(leg.key, { ends, hulls: hullsOf(leg), curve, lanes: lanes.taken() });
  }
  known.clear();
  for (const [key, curve] of next) known.set(key, curve);
  return new Map(legs.map((leg) => [leg.key, next.get(leg.key)!.curve]));
}

function sameEnds(one: Ends, other: Ends): boolean {
  return (
    one.a[0] === other.a[0] && one.a[1] === other.a[1] && one.b[0] === other.b[0] && one.b[1] === other.b[1]
  );
}

/** These stand where their line leaves its hull: in the middle they would meet the trunks' labels. */
const LABEL_EARLY: ReadonlySet<LegStyle> = new Set(["direct"]);
const LABEL_AFTER_PX = 72;
/** Share of the way: hairpins go both ways between two servers, their names must not meet. */
const LABEL_AT: Partial<Record<LegStyle, number>> = { hairpin: 0.28, trunk: 0.5, direct: 0.5 };

function early(outside: Cubic): Point | null {
  const { points, length } = track([outside]);
  if (length < LABEL_AFTER_PX * 1.5) return null;
  const i = Math.round(LABEL_AFTER_PX / STEP);
  return [points[2 * i], points[2 * i + 1]];
}

function curveOf(leg: Leg, a: Point, b: Point, placed: Placed, lanes: Lanes): LegCurve {
  const inside = leg.from.server !== null && leg.from.server === leg.to.server && leg.from.kind !== "chip";
  const cubics = inside ? lanes.through(leg, a, b) : curveOutside(leg, a, b, placed, lanes);
  const last = cubics[cubics.length - 1];
  return {
    key: leg.key,
    style: leg.style,
    edges: leg.edges,
    from: leg.from.id,
    to: leg.to.id,
    cubics,
    middle: (LABEL_EARLY.has(leg.style) && early(last)) || labelPlace(cubics, LABEL_AT[leg.style]),
    end: [last[6], last[7]],
    heading: last[6] >= last[4] ? 1 : -1,
  };
}

/** Lines without a label need no exact middle. */
function labelPlace(cubics: Cubic[], share: number | undefined): Point {
  if (share === undefined) return at(cubics[Math.floor(cubics.length / 2)], 0.5);
  const { points, count } = track(cubics);
  const i = Math.floor(count * share) * 2;
  return [points[i], points[i + 1]];
}

/** Where a leg leaves and where it enters. */
export interface Ends {
  a: Point;
  b: Point;
}

interface End {
  leg: Leg;
  end: keyof Ends;
  item: Item;
  side: Side;
  order: number;
}

/** A point for both ends of each leg, in the order of what they lead to. */
export function spreadPorts(legs: Leg[]): Map<Leg, Ends> {
  const groups = new Map<Item, Record<Side, End[]>>();
  const gather = (leg: Leg, end: keyof Ends, item: Item, side: Side, other: Item) => {
    let group = groups.get(item);
    if (!group) {
      group = { left: [], right: [] };
      groups.set(item, group);
    }
    group[side].push({ leg, end, item, side, order: portOrder(item, side, other) });
  };
  for (const leg of legs) {
    gather(leg, "a", leg.from, leg.fromSide, leg.to);
    gather(leg, "b", leg.to, leg.toSide, leg.from);
  }
  const ports = new Map<Leg, Ends>(legs.map((leg) => [leg, { a: NOWHERE, b: NOWHERE }]));
  for (const sides of groups.values()) {
    for (const group of [sides.left, sides.right]) {
      group.sort((x, y) => x.order - y.order || (x.leg.key < y.leg.key ? -1 : 1));
      group.forEach((end, i) => {
        ports.get(end.leg)![end.end] = portAt(end, i, group.length);
      });
    }
  }
  return ports;
}

const NOWHERE: Point = [0, 0];

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
