/**
 * The painter of what moves, in a worker: packets glide on while the page reads a frame or lays out a graph, and
 * the page's own thread has next to nothing to do. A thin caller of `Flow`.
 *
 * Always holds: nothing is painted while nothing moves and nothing was told.
 */
import { Costs } from "./costs";
import { Flow } from "./flow";
import { type Answer, type Moving, type Told, timeOf } from "./moving";

let flow: Flow | null = null;
let newest: Moving | null = null;
let drawn = 0;
let waits = false;
let frames = 0;
const costs = new Costs();

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
  costs.note(performance.now() - began);
  frames++;
  if (newest.newest > drawn) {
    drawn = newest.newest;
    answer({ kind: "drawn", newest: drawn, atMs: nowMs() });
  }
  if (moves && newest.clock.runs) wake();
}

self.onmessage = ({ data }: MessageEvent<Told>) => {
  if (data.kind === "ask") {
    answer({ kind: "painted", frames, costs: costs.newest() });
    return costs.forget();
  }
  if (data.kind === "canvas") flow = new Flow(data.canvas.getContext("2d")!);
  if (data.kind === "window") flow?.look(data);
  if (data.kind === "moving") {
    flow?.take(data);
    newest = data;
  }
  wake();
};
