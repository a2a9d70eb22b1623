/**
 * What a selection concerns, and what a search finds.
 *
 * Enters: the graph and a selection. Leaves: ids of nodes, edges and servers that stay bright.
 */
import type { Call, CallSummary, Edge, Node } from "#forms";
import { edgesOfNode, type Graph } from "../store/graph";

export type Selection =
  | { kind: "node"; id: string }
  | { kind: "edge"; index: number }
  | { kind: "server"; id: string };

export interface Focus {
  nodes: Set<string>;
  edges: Set<number>;
  servers: Set<string>;
  /** What a query fitted: the rest is dimmed, but this is not emphasised. */
  quiet: boolean;
}

/** null: nothing is selected, or what was selected is gone. Without a selection, what a query fitted. */
export function focusOf(graph: Graph, selection: Selection | null): Focus | null {
  if (!selection) return graph.matched ? focusOnMatches(graph, graph.matched) : null;
  if (selection.kind === "edge") {
    const edge = graph.edges.get(selection.index);
    return edge ? focusOn([edge], []) : null;
  }
  if (selection.kind === "node") {
    return graph.nodes.has(selection.id) ? focusOn(edgesOfNode(graph, selection.id), [selection.id]) : null;
  }
  if (!graph.servers.has(selection.id)) return null;
  const members = membersOf(graph, selection.id).map((node) => node.id);
  const focus = focusOn(edgesOf(graph, selection), members);
  focus.servers.add(selection.id);
  return focus;
}

function focusOnMatches(graph: Graph, matched: ReadonlyMap<number, unknown>): Focus {
  const edges = [...graph.edges.values()].filter((edge) => matched.has(edge.index));
  return { ...focusOn(edges, []), quiet: true };
}

function focusOn(edges: Edge[], nodes: string[]): Focus {
  const focus: Focus = { nodes: new Set(nodes), edges: new Set(), servers: new Set(), quiet: false };
  for (const edge of edges) {
    focus.edges.add(edge.index);
    for (const id of [edge.from, edge.to, ...edge.via]) focus.nodes.add(id);
  }
  return focus;
}

export function membersOf(graph: Graph, server: string): Node[] {
  return [...graph.nodes.values()].filter((node) => node.server === server);
}

/** The edges that a selection's figures and lists are made of. */
export function edgesOf(graph: Graph, selection: Selection): Edge[] {
  if (selection.kind === "edge") {
    const edge = graph.edges.get(selection.index);
    return edge ? [edge] : [];
  }
  if (selection.kind === "node") return edgesOfNode(graph, selection.id);
  const members = new Set(membersOf(graph, selection.id).map((node) => node.id));
  return [...graph.edges.values()].filter(
    (edge) => members.has(edge.from) || members.has(edge.to) || edge.via.some((id) => members.has(id)),
  );
}

/** Calls of some edges, newest first. */
export function callsOf(calls: CallSummary[], edges: Edge[], bound: number): CallSummary[] {
  const wanted = new Set(edges.map((edge) => edge.index));
  const found: CallSummary[] = [];
  for (const call of calls) {
    if (wanted.has(call.edge) && found.push(call) === bound) break;
  }
  return found;
}

export interface Found {
  selection: Selection;
  title: string;
  text: string;
}

/** Nodes and servers whose name or address holds every word of `query`; best first. */
export function search(graph: Graph, query: string, bound: number): Found[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found: (Found & { score: number })[] = [];
  const consider = (selection: Selection, title: string, text: string, more: string) => {
    const all = `${title} ${text} ${more}`.toLowerCase();
    if (!words.every((word) => all.includes(word))) return;
    const first = words[0] ?? "";
    const at = title.toLowerCase().indexOf(first);
    found.push({ selection, title, text, score: at === 0 ? 0 : at > 0 ? 1 : 2 });
  };
  for (const server of graph.servers.values()) {
    const addresses = [...server.internal_addresses, ...server.public_addresses].join(" ");
    consider({ kind: "server", id: server.id }, server.id, `server · ${addresses}`, "");
  }
  for (const node of graph.nodes.values()) {
    const addresses = [...node.addresses, ...node.containers.map((c) => c.address)];
    const text = [kindText(node), node.server, addresses[0]].filter(Boolean).join(" · ");
    const more = [...addresses, ...node.containers.map((c) => c.name)].join(" ");
    consider({ kind: "node", id: node.id }, node.name, text, more);
  }
  return found
    .sort((a, b) => a.score - b.score || (a.title < b.title ? -1 : 1))
    .slice(0, bound)
    .map(({ selection, title, text }) => ({ selection, title, text }));
}

/** The edge that a call lies on, as far as its ends tell. */
export function edgeOfCall(graph: Graph, call: Call): Edge | undefined {
  const begins = new Set([call.from.node]);
  for (const node of graph.nodes.values())
    if (node.within === call.from.node && node.name === call.from.address) begins.add(node.id);
  const fitting = [...graph.edges.values()].filter(
    (e) => begins.has(e.from) && e.to === call.to.node && e.origin === call.origin,
  );
  return fitting.find((e) => e.from !== call.from.node) ?? fitting[0];
}

export function kindText(node: Node): string {
  if (node.kind === "proxy") return `${node.proxy_kind ?? ""} gateway`.trim();
  if (node.kind === "external") return node.within === null ? "source outside" : "busy address outside";
  if (node.kind === "outside") return "intruder at a private gateway";
  if (node.kind === "gateway") return "host or NAT";
  if (node.kind === "server") return "unnamed caller";
  return "service";
}
