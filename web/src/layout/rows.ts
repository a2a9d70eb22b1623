/**
 * Places of cards inside one hull: columns by call depth, rows by their callers.
 *
 * Enters: the hull's services, the calls among them, and what is remembered. Leaves: the memory with
 * a slot for each service. Always holds: deterministic; once settled, a service keeps its slot and a
 * new one takes a free one.
 */
import { RANKS_MAX } from "../defaults";
import { CARD_W, CARD_W_MAX, columnGap, type HullMemory, MIN_ROWS, PAD_X, textWidth } from "./model";

export interface Member {
  id: string;
  name: string;
  /** Called from outside the hull only through its private gateway: stands on the right. */
  remoteOnly: boolean;
}

export type Link = readonly [from: string, to: string];

export function emptyHullMemory(): HullMemory {
  return { columns: [], slots: new Map(), rows: MIN_ROWS, firstTrafficMs: null };
}

/** Call depth of each member: the longest way to it. A link that closes a circle is left out. */
export function ranks(members: Member[], links: Link[]): Map<string, number> {
  const ids = members.map((m) => m.id).sort();
  const callees = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const [from, to] of links) if (from !== to && callees.has(to)) callees.get(from)?.push(to);
  for (const list of callees.values()) list.sort();

  const called = new Set([...callees.values()].flat());
  const depth = new Map<string, number>();
  const visit = (id: string, rank: number, path: Set<string>) => {
    if (path.has(id) || (depth.get(id) ?? -1) >= rank) return;
    depth.set(id, rank);
    path.add(id);
    for (const next of callees.get(id) ?? []) visit(next, rank + 1, path);
    path.delete(id);
  };
  for (const id of ids) if (!called.has(id)) visit(id, 0, new Set());
  for (const id of ids) if (!depth.has(id)) visit(id, 0, new Set());

  const last = Math.max(0, ...depth.values());
  for (const m of members) {
    const alone = !called.has(m.id) && callees.get(m.id)?.length === 0;
    if (alone && m.remoteOnly) depth.set(m.id, Math.max(last, 1));
  }
  return depth;
}

/** A card's width for these names: the longest fits, within bounds, in steps. */
export function cardWidth(names: string[]): number {
  const longest = Math.max(0, ...names.map((name) => textWidth(name, 13)));
  const needed = Math.ceil((longest + 102) / 8) * 8;
  return Math.min(CARD_W_MAX, Math.max(CARD_W, needed));
}

/** The hull's memory brought up to date; `settled` hulls only gain slots. */
export function assignSlots(
  memory: HullMemory,
  members: Member[],
  links: Link[],
  settled: boolean,
): HullMemory {
  if (!settled || memory.slots.size === 0) {
    return { ...fresh(members, links, ranks(members, links)), firstTrafficMs: memory.firstTrafficMs };
  }
  const newcomers = members.filter((m) => !memory.slots.has(m.id)).sort(byId);
  if (newcomers.length === 0) return memory;
  const depth = ranks(members, links);
  const next: HullMemory = { ...memory, columns: [...memory.columns], slots: new Map(memory.slots) };
  for (const m of newcomers) addMember(next, m, depth.get(m.id) ?? 0, links);
  return next;
}

function fresh(members: Member[], links: Link[], depth: Map<string, number>): HullMemory {
  const columns: Member[][] = [];
  const deepest = Math.max(0, ...depth.values());
  const squeeze = deepest >= RANKS_MAX ? (RANKS_MAX - 1) / deepest : 1;
  for (const m of [...members].sort(byId)) {
    const rank = Math.round((depth.get(m.id) ?? 0) * squeeze);
    while (columns.length <= rank) columns.push([]);
    columns[rank].push(m);
  }
  const filled = columns.flatMap((column) => split(column, rowsWanted(members.length)));
  const tallest = Math.max(MIN_ROWS, ...filled.map((column) => column.length));
  const rows = members.length >= SPARE_FROM ? tallest + 1 : tallest;
  const slots: HullMemory["slots"] = new Map();
  filled.forEach((column, index) => {
    const middle = (rows - column.length) / 2;
    const start = members.length >= SPARE_FROM ? Math.floor(middle) : middle;
    const order = orderByCallers(column, links, slots);
    order.forEach((m, i) => slots.set(m.id, { column: index, row: start + i }));
  });
  return { columns: columnsOf(filled), slots, rows, firstTrafficMs: null };
}

/** Hulls of this many services keep a row free, so that a newcomer does not push the hulls below. */
const SPARE_FROM = 8;

/** Rows that make a hull of so many cards about as wide as a screen. */
function rowsWanted(cards: number): number {
  return Math.max(6, Math.ceil(Math.sqrt(1.7 * cards)));
}

/** One rank as columns of at most so many rows, evenly filled. */
function split(column: Member[], rows: number): Member[][] {
  const parts = Math.ceil(column.length / rows);
  const each = Math.ceil(column.length / Math.max(1, parts));
  return Array.from({ length: parts }, (_, i) => column.slice(i * each, (i + 1) * each));
}

function columnsOf(filled: Member[][]): HullMemory["columns"] {
  let offset = PAD_X;
  return filled.map((column) => {
    const w = cardWidth(column.map((m) => m.name));
    const made = { offset, w };
    offset += w + columnGap(filled.length);
    return made;
  });
}

function orderByCallers(column: Member[], links: Link[], slots: HullMemory["slots"]): Member[] {
  const mean = (id: string) => {
    const rows = links.flatMap(([from, to]) => (to === id ? (slots.get(from)?.row ?? []) : []));
    return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : Number.POSITIVE_INFINITY;
  };
  return [...column].sort((a, b) => {
    const [x, y] = [mean(a.id), mean(b.id)];
    return x === y ? byId(a, b) : x - y;
  });
}

function addMember(memory: HullMemory, member: Member, rank: number, links: Link[]): void {
  const column = columnFor(memory, Math.min(rank, memory.columns.length));
  if (column === memory.columns.length) {
    const last = memory.columns[column - 1];
    memory.columns.push({
      offset: last ? last.offset + last.w + columnGap(column + 1) : PAD_X,
      w: cardWidth([member.name]),
    });
  }
  const taken = [...memory.slots.values()].filter((slot) => slot.column === column).map((slot) => slot.row);
  const callers = links.flatMap(([from, to]) =>
    to === member.id ? (memory.slots.get(from)?.row ?? []) : [],
  );
  const wished = callers[0] ?? (memory.rows - 1) / 2;
  memory.slots.set(member.id, { column, row: nearestFree(taken, wished) });
  memory.rows = Math.max(memory.rows, ...[...memory.slots.values()].map((slot) => Math.ceil(slot.row) + 1));
}

/**
 * The column of a newcomer: its rank's own; in a hull of many cards, where a new column would move every
 * other one, the nearest column with a place left.
 */
function columnFor(memory: HullMemory, wished: number): number {
  if (memory.slots.size < SPARE_FROM) return wished;
  const filled = memory.columns.map(() => 0);
  for (const slot of memory.slots.values()) filled[slot.column]++;
  const free = filled.flatMap((count, column) => (count < memory.rows ? [column] : []));
  const near = free.sort((a, b) => Math.abs(a - wished) - Math.abs(b - wished) || a - b)[0];
  return near ?? Math.min(wished, memory.columns.length - 1);
}

/** The free row nearest to `wished`, on the grid that the column's cards already use. */
export function nearestFree(taken: number[], wished: number): number {
  const phase = taken.length ? taken[0] % 1 : 0;
  const start = Math.max(0, Math.round(wished - phase)) + phase;
  for (let away = 0; ; away++) {
    for (const row of [start + away, start - away]) {
      if (row >= 0 && taken.every((other) => Math.abs(other - row) >= 1)) return row;
    }
  }
}

/** The width that the hull's columns need. */
export function neededWidth(memory: HullMemory): number {
  const last = memory.columns.at(-1);
  return last ? last.offset + last.w + PAD_X : 0;
}

/** Columns spread evenly over a wider hull. */
export function spread(columns: HullMemory["columns"], width: number): HullMemory["columns"] {
  const last = columns.at(-1);
  if (!last) return columns;
  const spare = width - (last.offset + last.w + PAD_X);
  if (columns.length === 1) return [{ ...last, offset: last.offset + spare / 2 }];
  return columns.map((c, i) => ({ ...c, offset: c.offset + (spare * i) / (columns.length - 1) }));
}

function byId(a: Member, b: Member): number {
  return a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1;
}
