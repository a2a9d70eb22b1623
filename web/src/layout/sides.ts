/**
 * Discs: what lies outside every hull. Callers on the left, intruders and mere callees on the right.
 *
 * An intruder stands beside the private gateway it knocks on, so that its edge is short and straight;
 * a busy address of the internet beside what is left of the internet.
 * Always holds: a disc that has a place keeps it; a new one takes the free place nearest to what it talks to.
 */
import type { Edge, Node } from "#forms";
import type { Graph } from "../store/graph";
import { bulge } from "./curves";
import {
  ARC_LABEL_W,
  centerY,
  DISC,
  DISC_PITCH,
  type Item,
  LEFT_GUTTER,
  type Memory,
  RIGHT_GUTTER,
  type Side,
} from "./model";
import type { Placed } from "./servers";

/** Adds discs to `placed.items`; updates `memory.discs`. */
export function placeDiscs(graph: Graph, placed: Placed, memory: Memory): void {
  const nodes = [...graph.nodes.values()].filter((node) => isDisc(node, placed));
  const ids = new Set(nodes.map((node) => node.id));
  for (const id of memory.discs.keys()) if (!ids.has(id)) memory.discs.delete(id);
  const edges = edgesByNode(graph);
  for (const side of ["left", "right"] as const) {
    const newcomers = nodes
      .filter((node) => !memory.discs.has(node.id) && sideOf(node, edges.get(node.id) ?? []) === side)
      .map((node) => ({ node, wished: wishedY(node, edges.get(node.id) ?? [], placed, side) }))
      .sort(
        (a, b) =>
          Number(a.node.within !== null) - Number(b.node.within !== null) ||
          a.wished - b.wished ||
          (a.node.id < b.node.id ? -1 : 1),
      );
    for (const { node, wished } of newcomers) {
      const taken = [...memory.discs.values()].filter((disc) => disc.side === side).map((disc) => disc.y);
      const rest = node.within === null ? undefined : memory.discs.get(node.within);
      memory.discs.set(node.id, { side, y: freeY(taken, rest?.side === side ? rest.y : wished) });
    }
  }
  const { left, right } = extent(placed);
  const centers = { left: left - LEFT_GUTTER, right: right + rightGutter(placed) };
  for (const [id, disc] of memory.discs) placed.items.set(id, discAt(id, disc, memory, centers[disc.side]));
}

function isDisc(node: Node, placed: Placed): boolean {
  return (
    !placed.items.has(node.id) && (node.server === null || node.kind === "gateway" || node.kind === "server")
  );
}

export function sideOf(node: Node, edges: Edge[]): Side {
  if (node.kind === "outside") return edges.some((e) => e.origin === "public") ? "left" : "right";
  if (edges.length > 0 && edges.every((e) => e.to === node.id)) return "right";
  return "left";
}

function edgesByNode(graph: Graph): Map<string, Edge[]> {
  const map = new Map<string, Edge[]>();
  for (const edge of graph.edges.values()) {
    for (const id of [edge.from, edge.to]) {
      const list = map.get(id);
      if (list) list.push(edge);
      else map.set(id, [edge]);
    }
  }
  return map;
}

function wishedY(node: Node, edges: Edge[], placed: Placed, side: Side): number {
  const ys = edges.flatMap((edge) => {
    const first = edge.from === node.id ? (edge.via[0] ?? edge.to) : edge.from;
    const item = placed.items.get(first) ?? placed.items.get(edge.to);
    return item ? [centerY(item)] : [];
  });
  const { top, bottom } = extent(placed);
  const middle = (top + bottom) / 2;
  if (ys.length === 0) return middle;
  const mean = ys.reduce((a, b) => a + b, 0) / ys.length;
  if (side === "left") return mean;
  return mean <= middle ? mean - DISC_PITCH * 0.75 : mean + DISC_PITCH * 0.75;
}

/** The place nearest to `wished` that keeps its distance from the taken ones. */
export function freeY(taken: number[], wished: number): number {
  const free = (y: number) => taken.every((other) => Math.abs(other - y) >= DISC_PITCH - 0.5);
  if (free(wished)) return wished;
  const candidates = taken.flatMap((y) => [y + DISC_PITCH, y - DISC_PITCH]).filter(free);
  return candidates.sort((a, b) => Math.abs(a - wished) - Math.abs(b - wished) || b - a)[0];
}

export function extent(placed: Placed): { left: number; right: number; top: number; bottom: number } {
  const hulls = [...placed.hulls.values()];
  if (hulls.length === 0) return { left: 0, right: 0, top: 0, bottom: 0 };
  return {
    left: Math.min(...hulls.map((h) => h.x)),
    right: Math.max(...hulls.map((h) => h.x + h.w)),
    top: Math.min(...hulls.map((h) => h.y)),
    bottom: Math.max(...hulls.map((h) => h.y + h.h)),
  };
}

/** Wide enough for the longest arc of a column of hulls and for the label on it. */
function rightGutter(placed: Placed): number {
  const centers = [...placed.hulls.values()].map(centerY);
  const span = centers.length > 0 ? Math.max(...centers) - Math.min(...centers) : 0;
  return Math.max(RIGHT_GUTTER, 0.75 * bulge([0, 0], [0, span]) + ARC_LABEL_W);
}

function discAt(id: string, disc: { side: Side; y: number }, memory: Memory, x: number): Item {
  const moved = memory.moved.get(id) ?? { dx: 0, dy: 0 };
  return {
    id,
    kind: "disc",
    server: null,
    side: disc.side,
    column: -1,
    x: x - DISC / 2 + moved.dx,
    y: disc.y - DISC / 2 + moved.dy,
    w: DISC,
    h: DISC,
  };
}
