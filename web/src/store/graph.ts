/**
 * The graph as the hub tells it: servers, nodes, edges and their figures.
 *
 * Enters: snapshots and frames. Leaves: maps to read, and from each message what changed.
 * Always holds: totals are the hub's cumulative ones, so a skipped frame loses no count; a snapshot
 * replaces everything. No socket, no clock, no DOM.
 */
import type {
  Edge,
  EdgeMatches,
  EdgeStats,
  EdgeTotals,
  Frame,
  Node,
  NodeStats,
  ServerForm,
  ServerStats,
  Snapshot,
  Stats,
  Status,
  TopologyChange,
} from "#forms";

export interface Totals {
  calls: number;
  errors: number;
  bytes: number;
}

/** The last 60 s of an edge, node or server; `rate` over the last 10 s. */
export interface Figures {
  rate: number;
  calls: number;
  errors: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  bytes: number;
}

export interface Graph {
  servers: Map<string, ServerForm>;
  nodes: Map<string, Node>;
  edges: Map<number, Edge>;
  totals: Map<number, Totals>;
  /** The query that the calls and `matched` answer; "": everything. */
  q: string;
  /** With a query: how many calls of each edge it fitted; null: there is none. */
  matched: Map<number, Totals> | null;
  /** Since when they are counted, in the hub's clock. */
  matchedSinceMs: number;
  edgeFigures: Map<number, Figures>;
  nodeFigures: Map<string, Figures>;
  serverFigures: Map<string, Figures>;
  whole: { rate: number; error_share: number; p95_ms: number | null };
  /** Since when a server's agent is gone, in the hub's clock, as far as this page knows. */
  goneSinceMs: Map<string, number>;
  status: Status | null;
  seq: number;
  timeMs: number;
  version: number;
  hubVersion: string;
}

export function emptyGraph(): Graph {
  return {
    servers: new Map(),
    nodes: new Map(),
    edges: new Map(),
    totals: new Map(),
    q: "",
    matched: null,
    matchedSinceMs: 0,
    edgeFigures: new Map(),
    nodeFigures: new Map(),
    serverFigures: new Map(),
    whole: { rate: 0, error_share: 0, p95_ms: null },
    goneSinceMs: new Map(),
    status: null,
    seq: 0,
    timeMs: 0,
    version: 0,
    hubVersion: "",
  };
}

/** The graph that a snapshot describes; of an earlier one remains since when servers are gone. */
export function fromSnapshot(snapshot: Snapshot, before?: Graph): Graph {
  const graph = emptyGraph();
  const { topology } = snapshot;
  for (const server of topology.servers) graph.servers.set(server.id, server);
  for (const node of topology.nodes) graph.nodes.set(node.id, node);
  for (const edge of topology.edges) graph.edges.set(edge.index, edge);
  applyTotals(graph, snapshot.totals);
  graph.q = snapshot.q;
  graph.matchedSinceMs = snapshot.matched_since_ms ?? 0;
  if (snapshot.matched) graph.matched = new Map();
  applyMatches(graph, snapshot.matched);
  applyStats(graph, snapshot.stats);
  graph.status = snapshot.status;
  graph.seq = snapshot.seq;
  graph.timeMs = snapshot.time_ms;
  if (before) graph.goneSinceMs = before.goneSinceMs;
  noteGone(graph);
  graph.version = topology.version;
  graph.hubVersion = snapshot.hub_version;
  return graph;
}

export interface Changes {
  topology: boolean;
  stats: boolean;
  status: boolean;
}

/** Takes a frame into `graph` in place; a frame that is not newer changes nothing. */
export function applyFrame(graph: Graph, frame: Frame): Changes {
  if (frame.seq <= graph.seq) return { topology: false, stats: false, status: false };
  graph.seq = frame.seq;
  graph.timeMs = frame.time_ms;
  if (frame.topology) applyTopology(graph, frame.topology);
  applyTotals(graph, frame.totals);
  applyMatches(graph, frame.matched);
  if (frame.stats) applyStats(graph, frame.stats);
  if (frame.status) graph.status = frame.status;
  return { topology: frame.topology !== null, stats: frame.stats !== null, status: frame.status !== null };
}

function applyTopology(graph: Graph, change: TopologyChange): void {
  graph.version = change.version;
  for (const server of change.servers) graph.servers.set(server.id, server);
  for (const node of change.nodes) graph.nodes.set(node.id, node);
  for (const edge of change.edges) graph.edges.set(edge.index, edge);
  for (const id of change.removed_servers) graph.servers.delete(id);
  for (const id of change.removed_nodes) graph.nodes.delete(id);
  for (const index of change.removed_edges) {
    graph.edges.delete(index);
    graph.totals.delete(index);
  }
  noteGone(graph);
}

function noteGone(graph: Graph): void {
  for (const server of graph.servers.values()) {
    if (server.connected) graph.goneSinceMs.delete(server.id);
    else if (!graph.goneSinceMs.has(server.id)) graph.goneSinceMs.set(server.id, graph.timeMs);
  }
}

/** Servers whose agent is gone for longer than this. */
export function goneFor(graph: Graph, ms: number): Set<string> {
  const gone = [...graph.goneSinceMs].filter(([, since]) => graph.timeMs - since > ms);
  return new Set(gone.map(([id]) => id));
}

function applyTotals(graph: Graph, totals: EdgeTotals): void {
  totals.edge.forEach((edge, i) => {
    graph.totals.set(edge, { calls: totals.calls[i], errors: totals.errors[i], bytes: totals.bytes[i] });
  });
}

/** An edge whose last fitting call was amended, and fits no more, fits no more either. */
function applyMatches(graph: Graph, matches: EdgeMatches | null): void {
  matches?.edge.forEach((edge, i) => {
    if (matches.calls[i] === 0) graph.matched?.delete(edge);
    else graph.matched?.set(edge, { calls: matches.calls[i], errors: matches.errors[i], bytes: 0 });
  });
}

/** What is counted second by second: what the query fits, else everything; and the edges that a frame changes. */
export function countedTotals(graph: Graph): Map<number, Totals> {
  return graph.matched ?? graph.totals;
}

export function countedEdges(frame: Frame): number[] {
  return (frame.matched ?? frame.totals).edge;
}

function applyStats(graph: Graph, stats: Stats): void {
  graph.edgeFigures = columns<number>(stats.edges, stats.edges.edge);
  graph.nodeFigures = columns<string>(stats.nodes, stats.nodes.node);
  graph.serverFigures = columns<string>(stats.servers, stats.servers.server);
  graph.whole = { rate: stats.rate, error_share: stats.error_share, p95_ms: stats.p95_ms };
}

function columns<K>(stats: EdgeStats | NodeStats | ServerStats, keys: K[]): Map<K, Figures> {
  return new Map(
    keys.map((key, i) => [
      key,
      {
        rate: stats.rate[i],
        calls: stats.calls[i],
        errors: stats.errors[i],
        p50_ms: stats.p50_ms[i],
        p95_ms: stats.p95_ms[i],
        p99_ms: stats.p99_ms[i],
        bytes: stats.bytes[i],
      },
    ]),
  );
}

export const NO_FIGURES: Figures = {
  rate: 0,
  calls: 0,
  errors: 0,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
  bytes: 0,
};

/** Figures of several edges as one: sums, and the worst p95 (percentiles cannot be added). */
export function sumFigures(parts: Iterable<Figures>): Figures {
  const sum = { ...NO_FIGURES };
  for (const part of parts) {
    sum.rate += part.rate;
    sum.calls += part.calls;
    sum.errors += part.errors;
    sum.bytes += part.bytes;
    sum.p50_ms = worst(sum.p50_ms, part.p50_ms);
    sum.p95_ms = worst(sum.p95_ms, part.p95_ms);
    sum.p99_ms = worst(sum.p99_ms, part.p99_ms);
  }
  return sum;
}

function worst(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.max(a, b);
}

/** Every edge that begins, ends or passes at `node`. */
export function edgesOfNode(graph: Graph, node: string): Edge[] {
  return [...graph.edges.values()].filter((e) => e.from === node || e.to === node || e.via.includes(node));
}
