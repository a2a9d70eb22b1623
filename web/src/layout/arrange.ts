/**
 * The whole layout: hulls, items, edges.
 *
 * Enters: the graph, what is remembered, the time. Leaves: boxes and curves in world pixels.
 * Always holds: pure apart from `memory`, which it brings up to date; the same input gives the same picture.
 */
import type { Shown } from "../select/project";
import { at } from "./curves";
import { type LegCurve, type Route, routeEdges } from "./edges";
import { placeFlat, routeFlat } from "./flat";
import type { Box, Hull, Item, Memory } from "./model";
import { placeServers } from "./servers";
import { placeDiscs } from "./sides";

export interface Layout {
  hulls: Map<string, Hull>;
  items: Map<string, Item>;
  legs: LegCurve[];
  routes: Map<number, Route>;
  bounds: Box;
}

/** Room for a disc's label beside it. */
const LABEL_W = 150;

export function arrange(graph: Shown, memory: Memory, nowMs: number): Layout {
  if (graph.view === "flat") return flatLayout(graph, memory);
  const placed = placeServers(graph, memory, nowMs);
  placeDiscs(graph, placed, memory);
  const { legs, routes } = routeEdges(graph.edges.values(), placed, memory.known);
  return { ...placed, legs, routes, bounds: boundsOf(placed.hulls, placed.items, legs) };
}

function flatLayout(graph: Shown, memory: Memory): Layout {
  const placed = placeFlat(graph, memory);
  const { legs, routes } = routeFlat(graph, placed);
  return { ...placed, legs, routes, bounds: boundsOf(placed.hulls, placed.items, legs) };
}

export const EMPTY_LAYOUT: Layout = {
  hulls: new Map(),
  items: new Map(),
  legs: [],
  routes: new Map(),
  bounds: { x: 0, y: 0, w: 0, h: 0 },
};

function boundsOf(hulls: Map<string, Hull>, items: Map<string, Item>, legs: LegCurve[]): Box {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  const add = (left: number, top: number, right: number, bottom: number) => {
    x0 = Math.min(x0, left);
    y0 = Math.min(y0, top);
    x1 = Math.max(x1, right);
    y1 = Math.max(y1, bottom);
  };
  for (const hull of hulls.values()) add(hull.x - 16, hull.y, hull.x + hull.w + 16, hull.y + hull.h);
  for (const item of items.values()) {
    const label = item.kind === "disc" ? LABEL_W : 0;
    const left = item.side === "left" ? label : 0;
    add(item.x - left, item.y - 6, item.x + item.w + label - left, item.y + item.h + 6);
  }
  for (const leg of legs) {
    for (const cubic of leg.cubics) {
      const [x, y] = at(cubic, 0.5);
      add(x, y, x + (leg.style === "trunk" ? 50 : 0), y);
    }
  }
  return x1 < x0 ? { x: 0, y: 0, w: 0, h: 0 } : { x: x0, y: y0, w: x1 - x0, h: y1 - y0 };
}
