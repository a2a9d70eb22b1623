/**
 * The painter of what moves, in a worker: packets glide on while the page reads a frame or lays out a graph, and
 * the page's own thread has next to nothing to do. A thin caller of `Flow`.
 *
 * Always holds: nothing is painted while nothing moves and nothing was told.
 */
import { Flow } from "./flow";
import { type Answer, type Moving, type Told, timeOf } from "./moving";

/** Script times kept, of the newest frames. */
const COSTS = 240;

let flow: Flow | null = null;
let newest: Moving | null = null;
let drawn = 0;
let waits = false;
let frames = 0;
const costs = new Float32Array(COSTS);

const answer = (message: Answer) => self.postMessage(message);
const nowMs = () => performance.timeOrigin + performance.now();

function wake(): void {
  if (waits) return;
  waits = true;
  requestAnimationFrame(tick);
}

function tick(): void {
  waits = false;
  if (!flow || !newest) return;
  const began = performance.now();
  const moves = flow.paint(timeOf(newest.clock, nowMs()));
  costs[frames++ % COSTS] = performance.now() - began;
  if (newest.newest > drawn) {
    drawn = newest.newest;
    answer({ kind: "drawn", newest: drawn, atMs: nowMs() });
  }
  if (moves && newest.clock.runs) wake();
}

self.onmessage = ({ data }: MessageEvent<Told>) => {
  if (data.kind === "ask") {
    answer({ kind: "painted", frames, costs: costs.slice(0, frames) });
    costs.fill(0);
    return;
  }
  if (data.kind === "canvas") flow = new Flow(data.canvas.getContext("2d")!);
  if (data.kind === "window") flow?.look(data);
  if (data.kind === "moving") {
    flow?.take(data);
    newest = data;
  }
  wake();
};
