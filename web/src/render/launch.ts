/** A frame's completed calls as packets; each starts where it would be if it had started when its call was completed. */
import type { Frame } from "#forms";
import { type Filters, shows } from "../select/filters";
import type { Graph } from "../store/graph";
import type { Scene } from "./scene";

/** A packet enters the picture at most this far along its way's time, in ms. */
const AGO_MAX_MS = 200;

/** Returns how many of them found no room in the picture. */
export function launch(scene: Scene, graph: Graph, filters: Filters, stretch: number, frame: Frame): number {
  const { packets } = frame;
  const before = scene.packets.crowdedOut;
  const { routes } = scene.picture.layout;
  const rates = new Map<readonly number[], number>();
  for (let i = 0; i < packets.edge.length; i++) {
    const route = routes.get(packets.edge[i]);
    const ok = packets.ok[i] === 1;
    if (!route || !shows(filters, packets.status[i], ok)) continue;
    let rate = rates.get(route.bundle);
    if (rate === undefined) {
      rate = route.bundle.reduce((sum, edge) => sum + (graph.edgeFigures.get(edge)?.rate ?? 0), 0);
      rates.set(route.bundle, rate);
    }
    const request = {
      ok,
      durationMs: packets.duration_ms[i],
      agoMs: Math.min(AGO_MAX_MS, Math.max(0, packets.end_ms[i])),
      completedAtMs: frame.time_ms - packets.end_ms[i],
    };
    scene.packets.add(route, scene.nowMs, request, rate, stretch, scene.still);
  }
  return scene.packets.crowdedOut - before;
}
