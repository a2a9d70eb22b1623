/**
 * What the page tells the painter of what moves, which is a worker, and what that answers.
 *
 * Enters: packets and effects under way, what is in focus. Leaves: columns that cost nothing to hand over. Always
 * holds: each telling is of everything under way, so one that comes late harms nothing; a track is told once, and
 * forgotten by both sides at the first telling of another layout that does not need it. Pure.
 */
import { DIM_ALPHA } from "../defaults";
import type { Track } from "../layout/curves";
import type { Focus } from "../select/visible";
import type { Camera } from "./frame";
import type { Effect, Packet } from "./packets";

/** The flow's time; `atMs`: since 1970, when it was `flowMs`. It stands while the picture is paused. */
export interface Clock {
  flowMs: number;
  atMs: number;
  runs: boolean;
}

export interface Window {
  kind: "window";
  camera: Camera;
  width: number;
  height: number;
  ratio: number;
  dark: boolean;
}

export interface Moving {
  kind: "moving";
  clock: Clock;
  /** By their number; those not told of before. */
  tracks: [number, Track][];
  /** Tracks that this telling does not need will not be needed again. */
  swept: boolean;
  /** `PACKET` numbers for each; ok ones first, so that bad ones are painted above them. */
  packets: Float64Array<ArrayBuffer>;
  /** `EFFECT` numbers for each. */
  effects: Float64Array<ArrayBuffer>;
  /** Of the packets told so far. */
  newest: number;
}

/** To the painter. */
export type Told = { kind: "canvas"; canvas: OffscreenCanvas } | { kind: "ask" } | Window | Moving;

/** From the painter. All packets up to `newest` have been painted, the last of them `atMs` after 1970. */
export type Answer =
  | { kind: "drawn"; newest: number; atMs: number }
  | { kind: "painted"; frames: number; costs: Float32Array<ArrayBuffer> };

/** Numbers of a packet: its track, when it was born, how long it travels, how far it keeps right, alpha, bad (1). */
export const PACKET = 6;
/** Numbers of an effect: its track (-1: a ring), x, y, when it began, bad (1), wide (1). */
export const EFFECT = 6;

export class Teller {
  private told = new Map<Track, number>();
  private next = 0;

  /** `swept`: the layout is another one since the last telling. */
  tell(packets: Packet[], effects: Effect[], focus: Focus | null, swept: boolean): Omit<Moving, "clock"> {
    if (swept) this.sweep(packets, effects);
    const tracks: Moving["tracks"] = [];
    const numberOf = (track: Track) => {
      const known = this.told.get(track);
      if (known !== undefined) return known;
      this.told.set(track, this.next);
      tracks.push([this.next, track]);
      return this.next++;
    };
    const rows = new Float64Array(packets.length * PACKET);
    let newest = 0;
    let row = 0;
    for (const ok of [true, false]) {
      for (const packet of packets) {
        if (packet.ok !== ok) continue;
        rows[row] = numberOf(packet.track);
        rows[row + 1] = packet.bornMs;
        rows[row + 2] = packet.travelMs;
        rows[row + 3] = packet.right;
        rows[row + 4] = alphaOf(packet, focus);
        rows[row + 5] = ok ? 0 : 1;
        row += PACKET;
        if (packet.serial > newest) newest = packet.serial;
      }
    }
    return { kind: "moving", tracks, swept, packets: rows, effects: effectRows(effects, numberOf), newest };
  }

  private sweep(packets: Packet[], effects: Effect[]): void {
    const used = new Set<Track>(packets.map((packet) => packet.track));
    for (const { route } of effects) if (route) used.add(route.track);
    for (const track of this.told.keys()) if (!used.has(track)) this.told.delete(track);
  }
}

/** What a selection does not concern is dimmed, what went well more than what did not. */
function alphaOf(packet: Packet, focus: Focus | null): number {
  if (focus === null || focus.edges.has(packet.route.edge)) return 1;
  return packet.ok ? DIM_ALPHA * 0.5 : DIM_ALPHA;
}

function effectRows(effects: Effect[], numberOf: (track: Track) => number): Float64Array<ArrayBuffer> {
  const rows = new Float64Array(effects.length * EFFECT);
  effects.forEach(({ route, x, y, atMs, bad, wide }, i) => {
    rows.set([route ? numberOf(route.track) : -1, x, y, atMs, bad ? 1 : 0, wide ? 1 : 0], i * EFFECT);
  });
  return rows;
}

/** What the clock shows at `atMs`, since 1970. */
export function timeOf(clock: Clock, atMs: number): number {
  return clock.runs ? clock.flowMs + atMs - clock.atMs : clock.flowMs;
}
