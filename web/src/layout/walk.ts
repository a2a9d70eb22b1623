/**
 * From thing to thing by the arrow keys. Pure.
 *
 * Always holds: what lies straight ahead comes before what lies aside; an end stays where it is.
 */
export interface Stop {
  id: string;
  x: number;
  y: number;
}

export type Direction = "left" | "right" | "up" | "down";

const AHEAD: Record<Direction, readonly [number, number]> = {
  left: [-1, 0],
  right: [1, 0],
  up: [0, -1],
  down: [0, 1],
};
/** How many times farther something aside seems than something ahead. */
const ASIDE = 2.5;

/** The next stop in a direction; from nowhere, the first by reading order. */
export function nextStop(stops: Stop[], from: Stop | null, direction: Direction): Stop | null {
  if (!from) return [...stops].sort((a, b) => a.x + a.y * 2 - (b.x + b.y * 2))[0] ?? null;
  const [dx, dy] = AHEAD[direction];
  let best: Stop | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const stop of stops) {
    const [x, y] = [stop.x - from.x, stop.y - from.y];
    const ahead = x * dx + y * dy;
    if (stop.id === from.id || ahead <= 1) continue;
    const far = ahead + ASIDE * Math.abs(x * dy + y * dx);
    if (far < least) [best, least] = [stop, far];
  }
  return best ?? from;
}
