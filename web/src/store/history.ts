/**
 * Calls and errors a second of each edge since the page opened, for sparklines.
 *
 * Enters: cumulative totals, second by second (the hub's clock). Leaves: series, oldest first.
 * Always holds: bounded rings; only growth of totals is counted, so a hub that began anew adds nothing.
 */
import { SPARK_S } from "../defaults";
import type { Totals } from "./graph";

export interface Second {
  calls: number;
  errors: number;
}

interface Ring {
  second: number;
  calls: Float64Array;
  errors: Float64Array;
}

export interface History {
  openedAtS: number | null;
  nowS: number;
  last: Map<number, Totals>;
  edges: Map<number, Ring>;
}

export function emptyHistory(): History {
  return { openedAtS: null, nowS: 0, last: new Map(), edges: new Map() };
}

/** The base line: what the hub had counted before the page opened, or before the connection broke. */
export function rebase(history: History, totals: Map<number, Totals>, timeMs: number): void {
  history.last = new Map(totals);
  history.nowS = Math.floor(timeMs / 1000);
  history.openedAtS ??= history.nowS;
}

/** Counts what the totals of `changed` edges grew by. */
export function count(
  history: History,
  totals: Map<number, Totals>,
  changed: number[],
  timeMs: number,
): void {
  history.nowS = Math.floor(timeMs / 1000);
  for (const edge of changed) {
    const now = totals.get(edge);
    if (!now) {
      history.last.delete(edge);
      continue;
    }
    const last = history.last.get(edge);
    history.last.set(edge, now);
    const calls = now.calls - (last?.calls ?? 0);
    const errors = Math.max(0, now.errors - (last?.errors ?? 0));
    if (calls <= 0) continue;
    add(edgeRing(history, edge), history.nowS, calls, errors);
  }
}

/** Calls and errors of each second of the sparkline's span, of some edges together; the running second is the last. */
export function sparkline(history: History, edges: number[]): Second[] {
  const rings = edges.flatMap((edge) => history.edges.get(edge) ?? []);
  return series(rings, history.nowS, SPARK_S);
}

function ring(length: number): Ring {
  return { second: 0, calls: new Float64Array(length), errors: new Float64Array(length) };
}

function edgeRing(history: History, edge: number): Ring {
  const known = history.edges.get(edge);
  if (known) return known;
  const made = ring(SPARK_S);
  history.edges.set(edge, made);
  return made;
}

function add(into: Ring, second: number, calls: number, errors: number): void {
  const length = into.calls.length;
  const from = Math.max(into.second + 1, second - length + 1);
  for (let s = from; s <= second; s++) {
    into.calls[s % length] = 0;
    into.errors[s % length] = 0;
  }
  into.second = Math.max(into.second, second);
  into.calls[second % length] += calls;
  into.errors[second % length] += errors;
}

function series(rings: Ring[], nowS: number, length: number): Second[] {
  const out: Second[] = [];
  for (let s = nowS - length + 1; s <= nowS; s++) {
    const second = { calls: 0, errors: 0 };
    for (const r of rings) {
      const n = r.calls.length;
      if (s >= 0 && s <= r.second && s > r.second - n) {
        second.calls += r.calls[s % n];
        second.errors += r.errors[s % n];
      }
    }
    out.push(second);
  }
  return out;
}
