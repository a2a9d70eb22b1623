/**
 * Status classes of the last minute, per edge, from the requests that came as packets.
 *
 * Enters: packets of frames, by the hub's clock. Leaves: how many were 2xx, 3xx, 4xx, 5xx or broken. Always
 * holds: bounded, a ring of `SLOTS` for each edge that carried something; a frame's bound keeps some packets
 * out, so this is a share of what was seen, while figures count everything.
 */
import type { Packets } from "#forms";

export const CLASS_NAMES = ["2xx", "3xx", "4xx", "5xx"] as const;
const SLOT_S = 5;
const SLOTS = 12;
const CLASSES = CLASS_NAMES.length;

interface Ring {
  /** The newest slot's number since 1970. */
  slot: number;
  counts: Uint32Array;
}

export type Classes = Map<number, Ring>;

/** Counts packets in, in place. */
export function countClasses(classes: Classes, packets: Packets, timeMs: number): void {
  const slot = slotAt(timeMs);
  for (let i = 0; i < packets.edge.length; i++) {
    const edge = packets.edge[i];
    let ring = classes.get(edge);
    if (!ring) {
      ring = { slot, counts: new Uint32Array(SLOTS * CLASSES) };
      classes.set(edge, ring);
    }
    forward(ring, slot);
    ring.counts[(slot % SLOTS) * CLASSES + classOf(packets.status[i], packets.ok[i] === 1)]++;
  }
}

/** Sums over these edges, in the order of `CLASS_NAMES`. */
export function classSplit(classes: Classes, edges: Iterable<number>, timeMs: number): number[] {
  const now = slotAt(timeMs);
  const sums = new Array<number>(CLASSES).fill(0);
  for (const edge of edges) {
    const ring = classes.get(edge);
    if (!ring) continue;
    for (let slot = Math.max(ring.slot - SLOTS, now - SLOTS) + 1; slot <= ring.slot; slot++) {
      for (let c = 0; c < CLASSES; c++) sums[c] += ring.counts[(slot % SLOTS) * CLASSES + c];
    }
  }
  return sums;
}

/** A call that failed without a 4xx or 5xx (a gRPC error, a connection that broke) counts as 5xx. */
function classOf(status: number, ok: boolean): number {
  if (status >= 400 && status < 500) return 2;
  if (!ok || status >= 500) return 3;
  return status >= 300 ? 1 : 0;
}

function slotAt(timeMs: number): number {
  return Math.floor(timeMs / 1000 / SLOT_S);
}

function forward(ring: Ring, slot: number): void {
  for (let s = Math.max(ring.slot + 1, slot - SLOTS + 1); s <= slot; s++) {
    ring.counts.fill(0, (s % SLOTS) * CLASSES, (s % SLOTS) * CLASSES + CLASSES);
  }
  ring.slot = Math.max(ring.slot, slot);
}
