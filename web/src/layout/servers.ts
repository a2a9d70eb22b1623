/**
 * Hulls, and what stands in them and on their borders.
 *
 * Enters: the graph, the memory, the time. Leaves: hulls and items with their boxes, and the memory.
 * Always holds: servers keep their order of appearance; up to four stand in one column, more in a
 * grid; hulls of one column are equally wide, so gateways stand in line.
 */
import type { Edge, Node } from "#forms";
import { SETTLE_MS } from "../defaults";
import { type Shown, totalsNode } from "../select/project";
import type { Graph } from "../store/graph";
import {
  BOTTOM,
  CARD_H,
  CARD_W,
  CHIP_GAP,
  CHIP_H,
  CHIP_INSET,
  CHIP_W,
  CHIP_W_WIDE,
  CLOSED_W,
  GRID_GUTTER,
  HEADER,
  HULL_GAP,
  HULL_MIN_W,
  type Hull,
  type HullMemory,
  type Item,
  type Memory,
  PILL_GAP,
  PILL_H,
  PILL_W,
  ROW,
  type Side,
} from "./model";
import { assignSlots, emptyHullMemory, type Link, type Member, neededWidth, spread } from "./rows";

export interface Placed {
  hulls: Map<string, Hull>;
  items: Map<string, Item>;
}

/** Updates `memory.order`, `memory.hulls` and `memory.gridColumns`; places everything that has a server. */
export function placeServers(graph: Shown, memory: Memory, nowMs: number): Placed {
  rememberOrder(graph, memory);
  const byServer = groupNodes(graph);
  const touching = edgesByServer(graph);
  for (const id of memory.order) {
    if (graph.collapsed.has(id)) continue;
    rememberHull(memory, id, byServer.get(id) ?? [], touching.get(id) ?? [], nowMs);
  }
  const placed: Placed = { hulls: new Map(), items: new Map() };
  const plans = memory.order.map((id) => planOf(id, graph, memory));
  for (const { hull, own } of gridOf(plans, memory)) {
    placed.hulls.set(hull.id, hull);
    placeMembers(placed.items, graph, hull, own, memory, byServer.get(hull.id) ?? []);
  }
  return placed;
}

/** What one hull needs. */
interface Plan {
  id: string;
  own: HullMemory;
  collapsed: boolean;
  w: number;
  h: number;
}

function planOf(id: string, graph: Shown, memory: Memory): Plan {
  const collapsed = graph.collapsed.has(id);
  const own = collapsed ? closedHull(id) : (memory.hulls.get(id) ?? emptyHullMemory());
  const w = collapsed ? CLOSED_W : Math.max(HULL_MIN_W, neededWidth(own));
  return { id, own, collapsed, w, h: hullHeight(own.rows, 1) };
}

function closedHull(id: string): HullMemory {
  const columns = [{ offset: (CLOSED_W - CARD_W) / 2, w: CARD_W }];
  return {
    columns,
    slots: new Map([[totalsNode(id), { column: 0, row: 0 }]]),
    rows: 1,
    firstTrafficMs: null,
  };
}

function rememberOrder(graph: Graph, memory: Memory): void {
  memory.order = memory.order.filter((id) => graph.servers.has(id));
  const fresh = [...graph.servers.keys()].filter((id) => !memory.order.includes(id)).sort();
  memory.order.push(...fresh);
  for (const id of memory.hulls.keys()) if (!graph.servers.has(id)) memory.hulls.delete(id);
}

function groupNodes(graph: Graph): Map<string, Node[]> {
  const groups = new Map<string, Node[]>();
  for (const node of graph.nodes.values()) {
    if (node.server === null) continue;
    const group = groups.get(node.server);
    if (group) group.push(node);
    else groups.set(node.server, [node]);
  }
  return groups;
}

/** The edges that begin or end at a service, by its server. */
function edgesByServer(graph: Graph): Map<string, Edge[]> {
  const groups = new Map<string, Edge[]>();
  const serviceAt = (id: string) => {
    const node = graph.nodes.get(id);
    return node?.kind === "service" ? node.server : null;
  };
  for (const edge of graph.edges.values()) {
    for (const server of new Set([serviceAt(edge.from), serviceAt(edge.to)])) {
      if (server === null) continue;
      const group = groups.get(server);
      if (group) group.push(edge);
      else groups.set(server, [edge]);
    }
  }
  return groups;
}

function rememberHull(memory: Memory, id: string, nodes: Node[], touching: Edge[], nowMs: number): void {
  const known = memory.hulls.get(id) ?? emptyHullMemory();
  const services = nodes.filter((node) => node.kind === "service");
  const inside = new Set(services.map((node) => node.id));
  if (touching.length > 0) known.firstTrafficMs ??= nowMs;
  const settled = known.firstTrafficMs !== null && nowMs - known.firstTrafficMs > SETTLE_MS;
  const links: Link[] = touching
    .filter((e) => inside.has(e.from) && inside.has(e.to))
    .map((e) => [e.from, e.to]);
  memory.hulls.set(id, assignSlots(known, membersOf(services, touching), links, settled));
}

function membersOf(services: Node[], edges: Edge[]): Member[] {
  const called = new Map<string, Set<string>>();
  for (const edge of edges) {
    const origins = called.get(edge.to) ?? new Set();
    called.set(edge.to, origins.add(edge.origin));
  }
  return services.map((node) => {
    const origins = called.get(node.id) ?? new Set();
    return {
      id: node.id,
      name: node.name,
      remoteOnly: origins.size > 0 && !origins.has("public") && !origins.has("same_server"),
    };
  });
}

export function hullHeight(rows: number, pills: number): number {
  const cards = rows * ROW - (ROW - CARD_H);
  const borders = pills * PILL_H + (pills - 1) * PILL_GAP;
  return HEADER + Math.max(cards, borders) + BOTTOM;
}

/** Up to four stand in one column; more in a grid that is about as wide as a screen. */
function gridOf(plans: Plan[], memory: Memory): { hull: Hull; own: HullMemory }[] {
  const count = gridColumns(plans, memory);
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(0, ...plans.filter((_, i) => i % count === column).map((plan) => plan.w)),
  );
  const lefts = widths.map((_, i) => widths.slice(0, i).reduce((x, w) => x + w + GRID_GUTTER, 0));
  const tops = new Array<number>(count).fill(0);
  return plans.map(({ id, own, collapsed, h }, i) => {
    const gridColumn = i % count;
    const moved = memory.moved.get(`hull:${id}`) ?? { dx: 0, dy: 0 };
    const w = widths[gridColumn];
    const x = lefts[gridColumn] + moved.dx;
    const y = tops[gridColumn] + moved.dy;
    const columns = spread(own.columns, w).map((c) => ({ x: x + c.offset, w: c.w }));
    tops[gridColumn] += h + HULL_GAP;
    return { hull: { id, x, y, w, h, columns, rows: own.rows, gridColumn, collapsed }, own };
  });
}

/** How much better another number of columns must fit before everything moves. */
const REGRID = 1.35;
const SCREEN = { w: 1400, h: 720 };
const SIDES_W = 560;

function gridColumns(plans: Plan[], memory: Memory): number {
  const most = plans.length <= 4 ? 1 : Math.min(plans.length, 8);
  const size = (columns: number): number => {
    const rows = Math.ceil(plans.length / columns);
    const widest = Math.max(0, ...plans.map((plan) => plan.w));
    const tall = plans.reduce((sum, plan) => sum + plan.h + HULL_GAP, 0) / Math.max(1, plans.length);
    return Math.max((columns * (widest + GRID_GUTTER) + SIDES_W) / SCREEN.w, (rows * tall) / SCREEN.h);
  };
  const choices = Array.from({ length: most }, (_, i) => i + 1);
  const best = choices.reduce((a, b) => (size(b) < size(a) ? b : a), 1);
  const kept = memory.gridColumns;
  if (kept === 0 || kept > most || size(kept) > REGRID * size(best)) memory.gridColumns = best;
  return memory.gridColumns;
}

function placeMembers(
  items: Map<string, Item>,
  graph: Shown,
  hull: Hull,
  own: HullMemory,
  memory: Memory,
  nodes: Node[],
): void {
  for (const node of nodes) {
    const slot = own.slots.get(node.id);
    if (slot) items.set(node.id, cardAt(hull, node.id, slot, memory));
  }
  placePills(items, hull, nodes, "public");
  placePills(items, hull, nodes, "private");
  placeChips(items, graph, hull, memory, nodes);
}

type Slot = HullMemory["slots"] extends Map<string, infer S> ? S : never;

function cardAt(hull: Hull, id: string, slot: Slot, memory: Memory): Item {
  const column = hull.columns[slot.column];
  const moved = memory.moved.get(id) ?? { dx: 0, dy: 0 };
  const body = hull.h - HEADER - BOTTOM;
  const top = hull.y + HEADER + (body - (hull.rows * ROW - (ROW - CARD_H))) / 2;
  return {
    id,
    kind: "card",
    server: hull.id,
    side: "right",
    column: slot.column,
    x: column.x + moved.dx,
    y: top + slot.row * ROW + moved.dy,
    w: column.w,
    h: CARD_H,
  };
}

function placePills(items: Map<string, Item>, hull: Hull, nodes: Node[], kind: "public" | "private"): void {
  const pills = nodes.filter((n) => n.kind === "proxy" && (n.proxy_kind ?? "public") === kind).sort(byName);
  const side: Side = kind === "public" ? "left" : "right";
  const x = (side === "left" ? hull.x : hull.x + hull.w) - PILL_W / 2;
  const middle = hull.y + HEADER + (hull.h - HEADER - BOTTOM) / 2;
  const total = pills.length * (PILL_H + PILL_GAP) - PILL_GAP;
  pills.forEach((node, i) => {
    const y = middle - total / 2 + i * (PILL_H + PILL_GAP);
    items.set(node.id, {
      id: node.id,
      kind: "pill",
      server: hull.id,
      side,
      column: -1,
      x,
      y,
      w: PILL_W,
      h: PILL_H,
    });
  });
}

/** Callers without a name of their own (the host, its NAT): small, on the lower border. */
function placeChips(items: Map<string, Item>, graph: Graph, hull: Hull, memory: Memory, nodes: Node[]): void {
  const chips = nodes
    .filter((n) => isChip(graph, n))
    .sort((a, b) => (a.kind < b.kind ? 1 : -1) || byName(a, b));
  const next = { left: hull.x + CHIP_INSET, right: hull.x + hull.w - CHIP_INSET };
  for (const { id, kind } of chips) {
    const w = kind === "server" ? CHIP_W : CHIP_W_WIDE;
    const side = memory.chips.get(id) ?? chipSide(graph, id);
    memory.chips.set(id, side);
    const x = side === "left" ? next.left : next.right - w;
    const box = { x, y: hull.y + hull.h - CHIP_H / 2, w, h: CHIP_H };
    items.set(id, { id, kind: "chip", server: hull.id, side, column: -1, ...box });
    next[side] += (side === "left" ? 1 : -1) * (w + CHIP_GAP);
  }
}

/** Near the gateways it calls: a caller of public ones only stands on the left. */
function chipSide(graph: Graph, id: string): Side {
  const calls = [...graph.edges.values()].filter((edge) => edge.from === id);
  return calls.length > 0 && calls.every((edge) => edge.origin === "hairpin") ? "left" : "right";
}

/** A gateway that visitors come through stands with the sources; any other belongs to its hull. */
export function isChip(graph: Graph, node: Node): boolean {
  if (node.server === null || !graph.servers.has(node.server)) return false;
  if (node.kind === "server") return true;
  if (node.kind !== "gateway") return false;
  return ![...graph.edges.values()].some((e) => e.from === node.id && e.origin === "public");
}

function byName(a: Node, b: Node): number {
  return a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1;
}
