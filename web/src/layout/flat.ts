/**
 * The flat layout: cards and discs where the forces put them, straight lines between them.
 *
 * Enters: the shown graph and the places. Leaves: a layout; what has no place yet is left out. Pure.
 */
import type { Shown } from "../select/project";
import { type Cubic, type Point, straight } from "./curves";
import type { LegCurve, Route } from "./edges";
import type { ForceInput } from "./force";
import { type LegStyle, styleOf } from "./legs";
import { CARD_H, centerX, centerY, DISC, type Item, type Memory } from "./model";
import { cardWidth } from "./rows";
import type { Placed } from "./servers";
import { EdgeRoute, WayShape } from "./ways";

export function placeFlat(graph: Shown, memory: Memory): Placed {
  const items = new Map<string, Item>();
  for (const node of graph.nodes.values()) {
    const place = memory.flat.get(node.id);
    if (!place) continue;
    const moved = memory.moved.get(node.id) ?? { dx: 0, dy: 0 };
    const { w, h, kind } = sizeOf(graph, node.id);
    const [x, y] = [place.x - w / 2 + moved.dx, place.y - h / 2 + moved.dy];
    items.set(node.id, { id: node.id, kind, server: null, side: "right", column: -1, x, y, w, h });
  }
  return { hulls: new Map(), items };
}

function sizeOf(graph: Shown, id: string): { w: number; h: number; kind: "card" | "disc" } {
  const node = graph.nodes.get(id)!;
  if (node.kind === "external" || node.kind === "outside") return { w: DISC, h: DISC, kind: "disc" };
  return { w: cardWidth([node.name]), h: CARD_H, kind: "card" };
}

/** What the forces work on. */
export function forceInput(graph: Shown, memory: Memory): ForceInput {
  const nodes = [...graph.nodes.keys()].sort().map((id) => ({ id, ...sizeOf(graph, id) }));
  const pairs = new Set<string>();
  const links: ForceInput["links"] = [];
  for (const { from, to } of graph.edges.values()) {
    const pair = `${from}\n${to}`;
    if (pairs.has(pair)) continue;
    pairs.add(pair);
    links.push([from, to]);
  }
  links.sort((a, b) => (a.join() < b.join() ? -1 : 1));
  const places: ForceInput["places"] = [...memory.flat].map(([id, { x, y }]) => [id, x, y]);
  return { nodes: nodes.map(({ id, w, h }) => ({ id, w, h })), links, places };
}

export function routeFlat(graph: Shown, placed: Placed): { legs: LegCurve[]; routes: Map<number, Route> } {
  const shapes = new Map<string, { leg: LegCurve; shape: WayShape }>();
  const routes = new Map<number, Route>();
  for (const edge of [...graph.edges.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const [from, to] = [placed.items.get(edge.from), placed.items.get(edge.to)];
    if (!from || !to || from === to) continue;
    const style = styleOf(edge);
    const key = `${from.id} ${to.id} ${style}`;
    let made = shapes.get(key);
    if (!made) {
      const leg = lineBetween(key, from, to, style);
      made = { leg, shape: new WayShape([{ curve: leg, reverse: false }]) };
      shapes.set(key, made);
    }
    made.leg.edges.push(edge.index);
    made.shape.bundle.push(edge.index);
    routes.set(edge.index, new EdgeRoute(edge.index, made.shape));
  }
  return { legs: [...shapes.values()].map(({ leg }) => leg), routes };
}

/** Both directions keep right, so that neither hides the other. */
const KEEP_RIGHT = 5;

function lineBetween(key: string, from: Item, to: Item, style: LegStyle): LegCurve {
  const [dx, dy] = [centerX(to) - centerX(from), centerY(to) - centerY(from)];
  const d = Math.hypot(dx, dy) || 1;
  const [sx, sy] = [(-dy / d) * KEEP_RIGHT, (dx / d) * KEEP_RIGHT];
  const a = borderPoint(from, dx, dy);
  const b = borderPoint(to, -dx, -dy);
  const line: Cubic = straight([a[0] + sx, a[1] + sy], [b[0] + sx, b[1] + sy]);
  const middle: Point = [(line[0] + line[6]) / 2, (line[1] + line[7]) / 2];
  const end: Point = [line[6], line[7]];
  return {
    key,
    style,
    edges: [],
    from: from.id,
    to: to.id,
    cubics: [line],
    middle,
    end,
    heading: dx < 0 ? -1 : 1,
  };
}

/** Where a line from the middle in this direction leaves the box. */
function borderPoint(item: Item, dx: number, dy: number): Point {
  const tx = dx === 0 ? Number.POSITIVE_INFINITY : item.w / 2 / Math.abs(dx);
  const ty = dy === 0 ? Number.POSITIVE_INFINITY : item.h / 2 / Math.abs(dy);
  const t = Math.min(tx, ty, 1);
  return [centerX(item) + dx * t, centerY(item) + dy * t];
}
