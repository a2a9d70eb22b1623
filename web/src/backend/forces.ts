/** The worker that places the flat view; started with the first question. */
import type { ForceInput, Places } from "../layout/force";

/** Returns how to ask; each answer, the newest place of every node, goes to `take`. */
export function forces(
  take: (places: Map<string, { x: number; y: number }>) => void,
): (input: ForceInput) => void {
  let worker: Worker | null = null;
  return (input) => {
    if (!worker) {
      worker = new Worker(new URL("../layout/force.worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = (event: MessageEvent<Places>) => {
        take(new Map(event.data.map(([id, x, y]) => [id, { x, y }])));
      };
    }
    worker.postMessage(input);
  };
}
