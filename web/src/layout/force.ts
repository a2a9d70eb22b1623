/**
 * Places by force, for the flat view: pure, without a timer.
 *
 * Enters: ids, links between them, and where each one was. Leaves: where each one is. Always holds: the
 * same input gives the same places; what had a place is anchored to it, so that a newcomer finds its own
 * without throwing the others about.
 */
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from "d3-force";

export interface ForceInput {
  /** Size in world pixels, for keeping apart. */
  nodes: { id: string; w: number; h: number }[];
  links: [from: string, to: string][];
  /** id, x, y of what has a place. */
  places: [string, number, number][];
}

export type Places = [id: string, x: number, y: number][];

interface Body extends SimulationNodeDatum {
  id: string;
  r: number;
  anchor: { x: number; y: number } | null;
}

const COLD_TICKS = 260;
const WARM_TICKS = 60;
/** How strongly what has a place is held to it. */
const ANCHOR = 0.85;

export function settle({ nodes, links, places }: ForceInput): Places {
  const known = new Map(places.map(([id, x, y]) => [id, { x, y }]));
  const bodies: Body[] = nodes.map(({ id, w, h }) => {
    const anchor = known.get(id) ?? null;
    return { id, r: Math.hypot(w, h) / 2 + 14, anchor, ...(anchor ?? {}) };
  });
  const ids = new Set(nodes.map((node) => node.id));
  const pulls: SimulationLinkDatum<Body>[] = links
    .filter(([from, to]) => from !== to && ids.has(from) && ids.has(to))
    .map(([source, target]) => ({ source, target }));
  const warm = bodies.filter((body) => body.anchor).length > bodies.length / 2;
  placeBesideNeighbours(bodies, links);
  const held = (body: Body) => (body.anchor ? ANCHOR : 0.03);
  forceSimulation(bodies)
    .stop()
    .alpha(warm ? 0.3 : 1)
    .force("charge", forceManyBody<Body>().strength(-900).distanceMax(1600))
    .force(
      "link",
      forceLink<Body, SimulationLinkDatum<Body>>(pulls)
        .id((body) => body.id)
        .distance(330)
        .strength(0.25),
    )
    .force("collide", forceCollide<Body>((body) => body.r).iterations(2))
    .force("x", forceX<Body>((body) => body.anchor?.x ?? 0).strength(held))
    .force(
      "y",
      forceY<Body>((body) => body.anchor?.y ?? 0).strength((body) => held(body) * 1.6),
    )
    .tick(warm ? WARM_TICKS : COLD_TICKS);
  return bodies.map((body) => [body.id, round(body.x), round(body.y)]);
}

/** A newcomer begins beside what it talks to. */
function placeBesideNeighbours(bodies: Body[], links: [string, string][]): void {
  const byId = new Map(bodies.map((body) => [body.id, body]));
  for (const [from, to] of links) {
    const [a, b] = [byId.get(from), byId.get(to)];
    if (a?.x === undefined && b?.anchor && a) Object.assign(a, { x: b.anchor.x + 120, y: b.anchor.y + 40 });
    if (b?.x === undefined && a?.anchor && b) Object.assign(b, { x: a.anchor.x + 120, y: a.anchor.y + 40 });
  }
}

const round = (n: number | undefined) => Math.round((n ?? 0) * 10) / 10;
