/**
 * Curves: lists of cubic Béziers, and the same as points at even distances for what moves along them.
 */

/** x0 y0 x1 y1 x2 y2 x3 y3 */
export type Cubic = readonly [number, number, number, number, number, number, number, number];
export type Point = readonly [x: number, y: number];

/** Points every `STEP` world pixels; the way's end is the last one. */
export interface Track {
  /** x0 y0 x1 y1 … */
  points: Float32Array;
  /** The way's direction at each point, in steps of a full turn / `TURNS`, clockwise from the right. */
  turns: Uint8Array;
  count: number;
  length: number;
}

export const STEP = 4;
/** Directions told apart: a packet's sprite is turned by steps of 5.6°. */
export const TURNS = 64;
const SUBDIVISIONS = 24;

/** The same way back. */
export function reversed(cubics: Cubic[]): Cubic[] {
  return [...cubics].reverse().map((c): Cubic => [c[6], c[7], c[4], c[5], c[2], c[3], c[0], c[1]]);
}

/** Horizontal tangents at both ends, like d3-shape's linkHorizontal. */
export function flow(a: Point, b: Point): Cubic {
  const mid = (a[0] + b[0]) / 2;
  return [a[0], a[1], mid, a[1], mid, b[1], b[0], b[1]];
}

export function straight(a: Point, b: Point): Cubic {
  const [dx, dy] = [(b[0] - a[0]) / 3, (b[1] - a[1]) / 3];
  return [a[0], a[1], a[0] + dx, a[1] + dy, b[0] - dx, b[1] - dy, b[0], b[1]];
}

/** Leaves and arrives horizontally on the same side, `bulge` away (negative: to the left). */
export function arc(a: Point, b: Point, bulge: number): Cubic {
  const x = bulge > 0 ? Math.max(a[0], b[0]) + bulge : Math.min(a[0], b[0]) + bulge;
  return [a[0], a[1], x, a[1], x, b[1], b[0], b[1]];
}

/** How far an arc between two points stands out. */
export function bulge(a: Point, b: Point): number {
  return Math.min(230, 44 + Math.abs(a[1] - b[1]) * 0.26);
}

/** Lines through `points` with corners of radius `r`. */
export function rounded(points: Point[], r: number): Cubic[] {
  const out: Cubic[] = [];
  let at = points[0];
  for (let i = 1; i < points.length - 1; i++) {
    const [before, corner, after] = [points[i - 1], points[i], points[i + 1]];
    const cut = Math.min(r, distance(before, corner) / 2, distance(corner, after) / 2);
    const from = toward(corner, before, cut);
    const to = toward(corner, after, cut);
    out.push(straight(at, from));
    out.push([
      from[0],
      from[1],
      from[0] + (corner[0] - from[0]) * 0.6,
      from[1] + (corner[1] - from[1]) * 0.6,
      to[0] + (corner[0] - to[0]) * 0.6,
      to[1] + (corner[1] - to[1]) * 0.6,
      to[0],
      to[1],
    ]);
    at = to;
  }
  out.push(straight(at, points[points.length - 1]));
  return out;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function toward(from: Point, to: Point, by: number): Point {
  const d = distance(from, to) || 1;
  return [from[0] + ((to[0] - from[0]) * by) / d, from[1] + ((to[1] - from[1]) * by) / d];
}

export function at(c: Cubic, t: number): Point {
  const u = 1 - t;
  const [a, b, d, e] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return [a * c[0] + b * c[2] + d * c[4] + e * c[6], a * c[1] + b * c[3] + d * c[5] + e * c[7]];
}

/** Even points along the curves. Gaps between curves are crossed in a straight line. */
export function track(cubics: Cubic[]): Track {
  const rough: Point[] = [];
  for (const cubic of cubics) {
    for (let i = 0; i <= SUBDIVISIONS; i++) rough.push(at(cubic, i / SUBDIVISIONS));
  }
  const even: number[] = [rough[0][0], rough[0][1]];
  let length = 0;
  let next = STEP;
  for (let i = 1; i < rough.length; i++) {
    const [a, b] = [rough[i - 1], rough[i]];
    const d = distance(a, b);
    while (d > 0 && next <= length + d) {
      const t = (next - length) / d;
      even.push(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t);
      next += STEP;
    }
    length += d;
  }
  const end = rough[rough.length - 1];
  even.push(end[0], end[1]);
  const points = Float32Array.from(even);
  return { points, turns: turnsOf(points), count: even.length / 2, length };
}

function turnsOf(points: Float32Array): Uint8Array {
  const count = points.length / 2;
  const turns = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const [from, to] = i + 1 < count ? [i, i + 1] : [Math.max(0, i - 1), i];
    const angle = Math.atan2(points[2 * to + 1] - points[2 * from + 1], points[2 * to] - points[2 * from]);
    turns[i] = Math.round((angle / (2 * Math.PI)) * TURNS + TURNS) % TURNS;
  }
  return turns;
}
