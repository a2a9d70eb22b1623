/**
 * Which legs the edges are made of.
 *
 * An edge visits stops: its caller, the proxies on the way, its callee. Each pair of neighbours is a
 * leg; edges that share a leg share its line. Leaves: legs with the sides they leave and enter by.
 * Always holds: the line between two private gateways is one trunk, whatever the direction.
 */
import type { Edge } from "#forms";
import type { Item, Side } from "./model";

export type LegStyle = "plain" | "trunk" | "direct" | "hairpin" | "outside" | "undecided";

export interface Leg {
  key: string;
  from: Item;
  to: Item;
  fromSide: Side;
  toSide: Side;
  style: LegStyle;
  /** `Edge.index` of all edges that pass here. */
  edges: number[];
}

export interface Way {
  edge: Edge;
  legs: { leg: Leg; reverse: boolean }[];
}

/** Ways of all edges whose ends have a place; legs are shared among them. */
export function waysOf(edges: Iterable<Edge>, items: Map<string, Item>): { ways: Way[]; legs: Leg[] } {
  const legs = new Map<string, Leg>();
  const ways: Way[] = [];
  for (const edge of inOrder(edges)) {
    const stops = stopsOf(edge, items);
    if (stops.length < 2) continue;
    const way: Way = { edge, legs: [] };
    for (let i = 1; i < stops.length; i++)
      way.legs.push(shareLeg(legs, edge, stops[i - 1], stops[i], i === 1));
    ways.push(way);
  }
  return { ways, legs: [...legs.values()] };
}

/** By their ids. Sorting texts alone needs no call of ours for each pair: that was a fifth of a layout. */
function inOrder(edges: Iterable<Edge>): Edge[] {
  const byId = new Map(Array.from(edges, (edge) => [edge.id, edge]));
  return [...byId.keys()].sort().map((id) => byId.get(id)!);
}

/**
 * A same-server call is drawn from card to card; its own proxy is on the way but would only clutter. One
 * within a closed hull, whose services are one card, is drawn to the proxy and back.
 */
export function stopsOf(edge: Edge, items: Map<string, Item>): Item[] {
  const from = items.get(edge.from);
  const to = items.get(edge.to);
  const cards = from !== to && from?.kind === "card" && to?.kind === "card";
  const direct = edge.origin === "same_server" && cards;
  const ids = direct ? [edge.from, edge.to] : [edge.from, ...edge.via, edge.to];
  const stops: Item[] = [];
  for (const id of ids) {
    const item = items.get(id);
    if (item && stops.at(-1)?.id !== id) stops.push(item);
  }
  if (stops.length === 1 && from === to && from?.kind === "card") stops.push(from);
  return from && to ? stops : [];
}

function shareLeg(legs: Map<string, Leg>, edge: Edge, from: Item, to: Item, first: boolean) {
  const trunk = from.kind === "pill" && to.kind === "pill" && from.server !== to.server;
  const reverse = trunk && from.id > to.id;
  const [a, b] = reverse ? [to, from] : [from, to];
  const style = trunk ? "trunk" : first ? styleOf(edge) : "plain";
  const key = `${a.id} ${b.id} ${style}`;
  let leg = legs.get(key);
  if (!leg) {
    leg = { key, from: a, to: b, fromSide: facing(a, b), toSide: facing(b, a), style, edges: [] };
    legs.set(key, leg);
  }
  leg.edges.push(edge.index);
  return { leg, reverse };
}

/** How an edge's first leg is drawn. */
export function styleOf(edge: Edge): LegStyle {
  if (edge.origin === "cross_server_direct") return "direct";
  if (edge.origin === "hairpin" || edge.origin === "outside" || edge.origin === "undecided")
    return edge.origin;
  return "plain";
}

/** The side of `item` that a line to `other` leaves or enters by. */
export function facing(item: Item, other: Item): Side {
  const sameServer = item.server !== null && item.server === other.server;
  if (item.kind === "disc") return item.side === "left" ? "right" : "left";
  if (item.kind === "pill") return sameServer ? opposite(item.side) : item.side;
  if (item.kind === "chip") return item.side;
  if (other.kind === "card" && sameServer) return other.column < item.column ? "left" : "right";
  return other.kind === "card" ? "right" : other.side;
}

function opposite(side: Side): Side {
  return side === "left" ? "right" : "left";
}
