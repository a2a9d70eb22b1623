/**
 * How long a packet travels: a base that the way's length sets, and the request's real duration
 * times the stretch. Pure.
 */
import { STRETCHED_MAX_MS, TRAVEL_BASE_MS, TRAVEL_MS_PER_PX } from "../defaults";

export function travelMs(durationMs: number, lengthPx: number, stretch: number): number {
  return TRAVEL_BASE_MS + lengthPx * TRAVEL_MS_PER_PX + stretchedMs(durationMs, stretch);
}

export function stretchedMs(durationMs: number, stretch: number): number {
  return Math.min(STRETCHED_MAX_MS, Math.max(0, durationMs) * stretch);
}

/** "10 ms shown as 0.4 s" */
export function stretchText(stretch: number): string {
  if (stretch === 0) return "durations not shown";
  return `10 ms shown as ${+(stretchedMs(10, stretch) / 1000).toFixed(2)} s`;
}
