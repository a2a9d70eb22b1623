/**
 * The requests of a chain on one time axis: who was made for whom, and when, over servers whose clocks differ.
 *
 * Enters: calls that name their parents. Leaves: rows in order, each with where it lies, in ms since the first
 * began. A child's first line and its parent's last one are of one server, so that clock places them; where it
 * tells something impossible, the child is kept within its parent. Pure.
 */
import type { Call } from "#forms";

export interface Link {
  call: Call;
  depth: number;
  fromMs: number;
  toMs: number;
  /** Where the callee itself was at work: behind the last proxy. */
  servedFromMs: number;
  servedToMs: number;
}

export function chainRows(root: Call, calls: readonly Call[]): Link[] {
  const made = new Map<string, Call[]>();
  for (const call of calls) {
    if (call.parent === null || call.id === root.id) continue;
    made.set(call.parent, [...(made.get(call.parent) ?? []), call]);
  }
  const rows: Link[] = [];
  const seen = new Set<string>();
  const visit = (call: Call, depth: number, fromMs: number) => {
    if (seen.has(call.id)) return;
    seen.add(call.id);
    const link = placed(call, depth, fromMs);
    rows.push(link);
    for (const child of (made.get(call.id) ?? []).sort((a, b) => (a.start < b.start ? -1 : 1))) {
      visit(child, depth + 1, startWithin(child, call, link));
    }
  };
  visit(root, 0, 0);
  return rows;
}

function placed(call: Call, depth: number, fromMs: number): Link {
  // Each proxy's overhead is half before, half behind what it waited for.
  let [from, to] = [fromMs, fromMs + call.duration_ms];
  for (const hop of call.hops) {
    const room = Math.max(0, to - from);
    const inner = Math.min(room, hop.upstream_ms);
    [from, to] = [from + (room - inner) / 2, from + (room + inner) / 2];
  }
  return { call, depth, fromMs, toMs: fromMs + call.duration_ms, servedFromMs: from, servedToMs: to };
}

function startWithin(child: Call, parent: Call, at: Link): number {
  const [last, first] = [parent.hops.at(-1), child.hops[0]];
  const latest = Math.max(at.servedFromMs, at.servedToMs - child.duration_ms);
  const middle = (at.servedFromMs + latest) / 2;
  if (!last || !first || last.server !== first.server) return middle;
  const lastFromMs = at.servedFromMs - Math.max(0, last.duration_ms - last.upstream_ms) / 2;
  const by =
    lastFromMs + Date.parse(first.start) - Date.parse(last.start) + subMs(first.start) - subMs(last.start);
  return Number.isFinite(by) ? Math.max(at.fromMs, by) : middle;
}

/** What Date.parse leaves off: the digits behind the milliseconds, as ms. */
function subMs(stamp: string): number {
  const digits = /\.\d{3}(\d*)Z$/.exec(stamp)?.[1] ?? "";
  return digits ? Number(`0.${digits}`) : 0;
}
