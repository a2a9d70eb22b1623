/** The columns of the requests list: what each shows, how wide it is, which are chosen. */
import type { Call } from "#forms";
import { bytes, ms } from "../render/format";
import { h } from "./dom";
import { ORIGIN_TEXT, statusBadge } from "./rows";
import { read, write } from "./theme";

export interface Column {
  id: string;
  title: string;
  /** As CSS has it. */
  width: string;
  right?: boolean;
  cell(call: Call): HTMLElement | string;
}

/** A phone's list, or one with a panel beside it, has columns of its own. */
export type Width = "wide" | "narrow";

const KEYS: Record<Width, string> = { wide: "hopwatch.columns", narrow: "hopwatch.columns.narrow" };

export const COLUMNS: readonly Column[] = [
  { id: "time", title: "Started", width: "118px", cell: (call) => startText(call.start) },
  { id: "status", title: "Status", width: "58px", cell: (call) => statusBadge(call.status, call.ok) },
  { id: "method", title: "Method", width: "62px", cell: (call) => call.method },
  { id: "host", title: "Host", width: "minmax(80px, 1fr)", cell: (call) => call.host },
  { id: "path", title: "Path", width: "minmax(120px, 3fr)", cell: (call) => call.path },
  { id: "from", title: "From", width: "minmax(90px, 1.4fr)", cell: (call) => partyText(call.from) },
  { id: "to", title: "To", width: "minmax(90px, 1.4fr)", cell: (call) => partyText(call.to) },
  { id: "servers", title: "Servers", width: "minmax(80px, 1fr)", cell: serversText },
  { id: "origin", title: "Origin", width: "112px", cell: originCell },
  { id: "took", title: "Took", width: "72px", right: true, cell: (call) => ms(call.duration_ms) },
  { id: "address", title: "Client", width: "minmax(90px, 0.8fr)", cell: (call) => call.from.address ?? "" },
  { id: "join", title: "Joined by", width: "86px", cell: (call) => joinText(call) },
  {
    id: "bytes",
    title: "Bytes out",
    width: "76px",
    right: true,
    cell: (call) => bytes(call.hops[0]?.bytes_out ?? 0),
  },
  {
    id: "trace",
    title: "Trace",
    width: "minmax(90px, 1fr)",
    cell: (call) => call.hops.find((x) => x.trace_id)?.trace_id ?? "",
  },
  {
    id: "agent",
    title: "User agent",
    width: "minmax(90px, 1fr)",
    cell: (call) => call.hops[0]?.user_agent ?? "",
  },
];

const USUAL: Record<Width, readonly string[]> = {
  wide: ["time", "status", "method", "path", "from", "to", "origin", "took"],
  narrow: ["time", "status", "path", "took"],
};
/** What is otherwise where there is little room. */
const NARROW: Record<string, Partial<Column>> = {
  time: { width: "56px", cell: (call) => startText(call.start).slice(0, 8) },
  status: { width: "44px" },
  path: {
    title: "Request",
    width: "minmax(110px, 1fr)",
    cell: (call) => `${call.method} ${call.path}`,
  },
  took: { width: "56px" },
};

export function columnsOf(width: Width, chosen: ReadonlySet<string>): Column[] {
  const columns = COLUMNS.filter((column) => chosen.has(column.id));
  return width === "wide" ? columns : columns.map((column) => ({ ...column, ...NARROW[column.id] }));
}

/** Below this width, in px, columns are not squeezed: the list scrolls sideways. */
export function leastPx(columns: readonly Column[]): number {
  return columns.reduce((sum, { width }) => sum + Number(/\d+/.exec(width)?.[0] ?? 0) + GAP_PX, EDGES_PX);
}

const GAP_PX = 14;
const EDGES_PX = 26;

export function rememberedColumns(width: Width): Set<string> {
  const known = new Set(COLUMNS.map((column) => column.id));
  const chosen = (read(KEYS[width]) ?? "").split(",").filter((id) => known.has(id));
  return new Set(chosen.length > 0 ? chosen : USUAL[width]);
}

export function rememberColumns(width: Width, chosen: ReadonlySet<string>): void {
  write(KEYS[width], [...chosen].join(","));
}

/** In this browser's zone, to the millisecond; the day where it is not today. */
export function startText(start: string, nowMs: number = Date.now()): string {
  const date = new Date(start);
  const two = (n: number) => String(n).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  if (date.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${two(date.getDate())}.${two(date.getMonth() + 1)}. ${time.slice(0, 8)}`;
}

function partyText(party: Call["from"]): string {
  return party.name ?? party.address ?? "unknown";
}

function serversText(call: Call): string {
  return [...new Set(call.hops.map((hop) => hop.server))].join(" → ");
}

function originCell(call: Call): HTMLElement {
  const half = call.join.missing !== null;
  const title = half ? `${call.origin}, half-seen` : call.origin;
  return h(
    "span",
    { class: `origin ${call.origin}`, title },
    SHORT[call.origin] ?? ORIGIN_TEXT[call.origin],
    half && " ½",
  );
}

const SHORT: Partial<Record<Call["origin"], string>> = {
  cross_server_direct: "direct",
  outside: "outside knock",
};

function joinText({ join }: Call): string {
  return join.by === "none" ? (join.missing ? "half-seen" : "one proxy") : join.by.replace("_", " ");
}
