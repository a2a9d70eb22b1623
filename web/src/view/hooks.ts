/**
 * `window.__hopwatch`: what tests and benchmarks read. Positions are client (screen) coordinates.
 */
import type { Packet } from "../render/packets";
import type { Scene } from "../render/scene";
import type { App } from "./app";

export interface DrawnInfo {
  /** When the request was completed, in the hub's clock. */
  completedAtMs: number;
  /** When its packet was first drawn, in the browser's clock. */
  drawnAtMs: number;
  edgeId: string;
}

export interface Hooks {
  onPacketDrawn?: (info: DrawnInfo) => void;
  stats(): Record<string, number>;
  /** Of what moves, which a worker paints: frames so far, and script times of those since this was asked last. */
  painted(): Promise<{ frames: number; scriptP50Ms: number; scriptP95Ms: number }>;
  /** Begins the script times anew. */
  forgetCosts(): void;
  /** Top left corners in world pixels; `inHull`: a card's, from its hull's own corner. */
  places(): { id: string; x: number; y: number; inHull: [number, number] | null }[];
  /** Whether the hub has told of this node. */
  knows(id: string): boolean;
  openAll(): void;
  nodes(): { id: string; kind: string; x: number; y: number; w: number; h: number }[];
  edges(): { id: string; x: number; y: number }[];
}

declare global {
  interface Window {
    __hopwatch?: Hooks;
  }
}

export function installHooks(scene: Scene, app: App): void {
  const hooks: Hooks = {
    stats: () => ({
      fps: scene.fps,
      scriptP50Ms: quantile(scene.costs.newest(), 0.5),
      scriptP95Ms: quantile(scene.costs.newest(), 0.95),
      frames: scene.frames,
      packets: scene.packets.list.length,
      crowdedOut: scene.packets.crowdedOut,
      nodes: scene.picture.layout.items.size,
      edges: scene.picture.layout.routes.size,
      firstPictureMs: scene.firstPictureMs,
      layoutMs: scene.layoutMs,
      staticMs: scene.staticMs,
      seq: app.state.graph.seq,
    }),
    painted: async () => {
      const { frames, costs } = await scene.painter.painted();
      return { frames, scriptP50Ms: quantile(costs, 0.5), scriptP95Ms: quantile(costs, 0.95) };
    },
    forgetCosts: () => scene.costs.forget(),
    places: () => placesOf(scene),
    knows: (id) => scene.picture.graph.nodes.has(id) || scene.picture.graph.shownAs.has(id),
    openAll: () =>
      app.state.graph.servers.forEach((_, id) => app.state.shown.collapsed.has(id) && app.toggleHull(id)),
    nodes: () => nodesOf(scene),
    edges: () => edgesOf(scene),
  };
  window.__hopwatch = hooks;
  scene.painter.onDrawn = (packet, atMs) => report(scene, hooks, packet, atMs);
}

function report(scene: Scene, hooks: Hooks, packet: Packet, drawnAtMs: number): void {
  if (!hooks.onPacketDrawn) return;
  hooks.onPacketDrawn({
    completedAtMs: packet.completedAtMs,
    drawnAtMs,
    edgeId: scene.picture.graph.edges.get(packet.route.edge)?.id ?? String(packet.route.edge),
  });
}

function toClient(scene: Scene, x: number, y: number): [number, number] {
  const box = scene.element.getBoundingClientRect();
  const { camera } = scene.picture;
  return [x * camera.k + camera.x + box.left, y * camera.k + camera.y + box.top];
}

function nodesOf(scene: Scene) {
  const { layout, graph, camera } = scene.picture;
  const place = (id: string, kind: string, box: { x: number; y: number; w: number; h: number }) => {
    const [x, y] = toClient(scene, box.x, box.y);
    return { id, kind, x, y, w: box.w * camera.k, h: box.h * camera.k };
  };
  return [
    ...[...layout.hulls.values()].map((hull) => place(hull.id, "hull", hull)),
    ...[...layout.items.values()].map((item) =>
      place(item.id, graph.nodes.get(item.id)?.kind ?? item.kind, item),
    ),
  ];
}

function placesOf(scene: Scene) {
  const { hulls, items } = scene.picture.layout;
  return [
    ...[...hulls.values()].map(({ id, x, y }) => ({ id, x, y, inHull: null })),
    ...[...items.values()].map(({ id, kind, server, x, y }) => {
      const hull = kind === "card" && server !== null ? hulls.get(server) : undefined;
      const inHull: [number, number] | null = hull ? [x - hull.x, y - hull.y] : null;
      return { id, x, y, inHull };
    }),
  ];
}

function edgesOf(scene: Scene) {
  const { layout, graph } = scene.picture;
  return [...layout.routes.values()].map(({ edge, track }) => {
    const i = Math.floor(track.count * 0.35);
    const [x, y] = toClient(scene, track.points[2 * i], track.points[2 * i + 1]);
    return { id: graph.edges.get(edge)?.id ?? String(edge), x, y };
  });
}

function quantile(values: Float32Array, q: number): number {
  return values.slice().sort()[Math.floor(values.length * q)] ?? 0;
}
