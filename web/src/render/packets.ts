/**
 * Packets under way: where each one is at a time. Pure; the clock is an argument.
 *
 * Enters: requests with their route. Leaves: positions, and effects where something arrives.
 * Always holds: at most `PACKETS_MAX`; above `PACKET_RATE_EACH` the ok packets of a way are thinned
 * evenly, whatever edges share it, and all ways' where the picture fills up: what is drawn arrives. Bad
 * ones are never thinned; what found no room is counted.
 */
import { PACKET_RATE_EACH, PACKETS_MAX } from "../defaults";
import type { Track } from "../layout/curves";
import type { Route } from "../layout/edges";
import { travelMs } from "./stretch";

export interface Packet {
  route: Route;
  bornMs: number;
  travelMs: number;
  ok: boolean;
  /** Reported by `onPacketDrawn` when first drawn. */
  completedAtMs: number;
  /** The route's, at hand. */
  track: Track;
  /** How far it keeps right, in world pixels: on a trunk both directions are to be seen. */
  right: number;
  /** Later ones have higher numbers, from 1 on. */
  serial: number;
}

const KEEP_RIGHT = 2.2;
const KEEP_RIGHT_PLAIN = 0.8;

/** A short-lived mark: a ring where something arrived, or a whole edge lit up. */
export interface Effect {
  kind: "ring" | "line";
  x: number;
  y: number;
  atMs: number;
  bad: boolean;
  /** A knock from outside: a wider ring. */
  wide: boolean;
  route: Route | null;
}

export const EFFECT_MS = 900;
const EFFECTS_MAX = 120;
/** From this share of `PACKETS_MAX` on all ways are thinned, so that it is never quite reached. */
const FILLS_FROM = 0.7;
const FULL = 0.97;

export class Packets {
  list: Packet[] = [];
  effects: Effect[] = [];
  /** Higher after every change but an arrival, which the time alone tells. */
  version = 0;
  /** Calls that a packet of their own was due for, and that found no room. */
  crowdedOut = 0;
  private shares = new WeakMap<object, number>();
  /** Not drawn yet, by their serial. */
  private fresh: Packet[] = [];
  private serial = 0;

  /** `rate`: calls a second on the edge's way, which others may share. Returns whether the packet will be drawn. */
  add(route: Route, nowMs: number, request: Request, rate: number, stretch: number, still: boolean): boolean {
    if (request.ok && !this.keeps(route.bundle, rate)) return false;
    if (still) {
      this.effect({ kind: "line", x: 0, y: 0, atMs: nowMs, bad: !request.ok, wide: false, route });
      return true;
    }
    if (this.list.length >= PACKETS_MAX && !this.evict()) return false;
    const travel = travelMs(request.durationMs, route.track.length, stretch);
    if (route.knock) {
      const [x, y] = route.knock.at;
      const atMs = nowMs - request.agoMs + travel * route.knock.share;
      this.effect({ kind: "ring", x, y, atMs, bad: true, wide: true, route: null });
    }
    const packet: Packet = {
      route,
      bornMs: nowMs - request.agoMs,
      travelMs: travel,
      ok: request.ok,
      completedAtMs: request.completedAtMs,
      track: route.track,
      right: route.style === "plain" ? KEEP_RIGHT_PLAIN : KEEP_RIGHT,
      serial: ++this.serial,
    };
    this.list.push(packet);
    if (this.fresh.length >= PACKETS_MAX) this.fresh.shift();
    this.fresh.push(packet);
    this.version++;
    return true;
  }

  /** Those that are drawn for the first time when all up to that serial are. */
  drawn(newest: number): Packet[] {
    const later = this.fresh.findIndex((packet) => packet.serial > newest);
    return this.fresh.splice(0, later < 0 ? this.fresh.length : later);
  }

  /** Removes what has arrived by `nowMs` and leaves rings for bad ones. */
  advance(nowMs: number): void {
    const { list } = this;
    for (let i = list.length - 1; i >= 0; i--) {
      const packet = list[i];
      if (nowMs - packet.bornMs < packet.travelMs) continue;
      if (!packet.ok) this.arrive(packet);
      list[i] = list[list.length - 1];
      list.pop();
    }
    this.effects = this.effects.filter((effect) => nowMs - effect.atMs < EFFECT_MS);
  }

  /** Packets keep moving when the layout changes: they take their edge's new route. */
  reroute(routes: Map<number, Route>): void {
    this.list = this.list.filter((packet) => {
      const route = routes.get(packet.route.edge);
      if (route) [packet.route, packet.track] = [route, route.track];
      return route !== undefined;
    });
    this.effects = this.effects.filter((effect) => effect.kind === "ring");
    this.version++;
  }

  private keeps(edge: object, rate: number): boolean {
    const share = (this.shares.get(edge) ?? 1) + keptShare(rate) * this.room();
    const kept = share >= 1;
    this.shares.set(edge, Math.min(1, kept ? share - 1 : share));
    if (!kept && rate <= PACKET_RATE_EACH) this.crowdedOut++;
    return kept;
  }

  /** 1: plenty; 0: none. In between there are as many packets as arrive. */
  private room(): number {
    const filled = this.list.length / PACKETS_MAX;
    return Math.min(1, Math.max(0, (FULL - filled) / (FULL - FILLS_FROM)));
  }

  private evict(): boolean {
    const oldest = this.list.findIndex((packet) => packet.ok);
    this.crowdedOut++;
    if (oldest < 0) return false;
    this.list[oldest] = this.list[this.list.length - 1];
    this.list.pop();
    return true;
  }

  /** When it arrived is known, however late that is noticed. */
  private arrive(packet: Packet): void {
    const { points, count } = packet.route.track;
    const last = (count - 1) * 2;
    const [x, y] = [points[last], points[last + 1]];
    const atMs = packet.bornMs + packet.travelMs;
    this.effect({ kind: "ring", x, y, atMs, bad: true, wide: false, route: null });
  }

  private effect(effect: Effect): void {
    if (this.effects.length >= EFFECTS_MAX) this.effects.shift();
    this.effects.push(effect);
    this.version++;
  }
}

interface Request {
  ok: boolean;
  durationMs: number;
  /** How long before the frame's time it was completed. */
  agoMs: number;
  completedAtMs: number;
}

/** The share of an edge's ok packets that are drawn: all up to 3/s, then a density that grows slowly. */
export function keptShare(rate: number): number {
  if (rate <= PACKET_RATE_EACH) return 1;
  return Math.min(16, PACKET_RATE_EACH * (1 + Math.log(rate / PACKET_RATE_EACH))) / rate;
}
