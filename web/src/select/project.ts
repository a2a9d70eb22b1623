/**
 * What is shown of the graph: hulls closed to their totals, services over all servers, or all of it flat.
 *
 * Enters: the hub's graph and the reader's choice. Leaves: a graph of the same form with fewer nodes,
 * and which of the hub's nodes each one stands for. Always holds: edges keep their index and their
 * totals, so whatever moves or is counted by edge needs no translation; pure.
 */
import type { Edge, Node, ServerForm } from "#forms";
import { COLLAPSE_FROM, GONE_HIDDEN_AFTER_MS, INTRUDERS_MAX } from "../defaults";
import { type Graph, goneFor, sumFigures } from "../store/graph";

export type ViewMode = "servers" | "services" | "flat";
export const VIEWS: readonly ViewMode[] = ["servers", "services", "flat"];

/** Hulls that a person opened or closed; the others follow the rule. */
export interface HullChoice {
  opened: ReadonlySet<string>;
  closed: ReadonlySet<string>;
}

export const NO_CHOICE: HullChoice = { opened: new Set(), closed: new Set() };

export interface Shown extends Graph {
  view: ViewMode;
  /** Servers of which only the totals are shown. */
  collapsed: ReadonlySet<string>;
  /** The hub's node → the node it is shown as, where that is another one. */
  shownAs: ReadonlyMap<string, string>;
  /** A shown node → the hub's nodes it stands for, where these are others. */
  groups: ReadonlyMap<string, Node[]>;
  /** Nodes of many of whom the busiest stand beside them: what is left of these. */
  rests: ReadonlySet<string>;
}

/** The one hull of the view of services. */
export const ALL_SERVERS = "all servers";
/** Intruders beyond the bound share this node. */
export const MORE_INTRUDERS = "outside:more";

export const totalsNode = (server: string): string => `all:${server}`;
export const serverOfTotals = (id: string): string | null => (id.startsWith("all:") ? id.slice(4) : null);

/** Closed by hand, or one of many and not opened by hand. */
export function collapsedServers(servers: Iterable<string>, choice: HullChoice): Set<string> {
  const all = [...servers];
  const closed = (id: string) =>
    choice.closed.has(id) || (all.length >= COLLAPSE_FROM && !choice.opened.has(id));
  return new Set(all.filter(closed));
}

/** The choice after a hull was opened or closed by hand. */
export function toggleHull(choice: HullChoice, server: string, collapsed: boolean): HullChoice {
  const [opened, closed] = [new Set(choice.opened), new Set(choice.closed)];
  (collapsed ? closed : opened).add(server);
  (collapsed ? opened : closed).delete(server);
  return { opened, closed };
}

export function project(whole: Graph, view: ViewMode, choice: HullChoice): Shown {
  const graph = withoutGone(whole);
  const collapsed = view === "servers" ? collapsedServers(graph.servers.keys(), choice) : new Set<string>();
  const more = surplusIntruders(graph);
  const standIn = (node: Node): Node =>
    more.has(node.id)
      ? MORE
      : view === "services"
        ? asService(node)
        : view === "flat"
          ? node
          : asTotals(node, collapsed);
  const groups = new Map<string, Node[]>();
  const shownAs = new Map<string, string>();
  const nodes = new Map<string, Node>();
  for (const node of graph.nodes.values()) {
    const shown = standIn(node);
    if (shown.id === node.id && shown === node) {
      nodes.set(node.id, node);
      continue;
    }
    shownAs.set(node.id, shown.id);
    const group = groups.get(shown.id);
    if (group) group.push(node);
    else groups.set(shown.id, [node]);
    if (!nodes.has(shown.id)) nodes.set(shown.id, shown);
  }
  for (const [id, members] of groups) nodes.set(id, named(nodes.get(id)!, members));
  const edges = edgesAs(graph.edges, shownAs, view);
  if (view !== "servers") dropIdleProxies(nodes, edges);
  const rests = restsOf(nodes.values());
  dropIdle(nodes, edges, (node) => rests.has(node.id));
  return {
    ...graph,
    servers:
      view === "servers"
        ? graph.servers
        : view === "services"
          ? new Map([[ALL_SERVERS, EVERYWHERE]])
          : new Map(),
    nodes,
    edges,
    nodeFigures: figuresOf(graph, groups),
    view,
    collapsed,
    shownAs,
    groups,
    rests,
  };
}

/** Without servers that left long ago, and what only led to them. */
function withoutGone(graph: Graph): Graph {
  const gone = goneFor(graph, GONE_HIDDEN_AFTER_MS);
  if (gone.size === 0) return graph;
  const kept = (id: string) => !gone.has(graph.nodes.get(id)?.server ?? "");
  return {
    ...graph,
    servers: new Map([...graph.servers].filter(([id]) => !gone.has(id))),
    nodes: new Map([...graph.nodes].filter(([id]) => kept(id))),
    edges: new Map([...graph.edges].filter(([, e]) => [e.from, e.to, ...e.via].every(kept))),
  };
}

function surplusIntruders(graph: Graph): Set<string> {
  const intruders = [...graph.nodes.values()].filter((node) => node.kind === "outside");
  if (intruders.length <= INTRUDERS_MAX) return new Set();
  const since = (node: Node) => node.first_seen ?? "~";
  intruders.sort((a, b) => (since(a) < since(b) ? -1 : since(a) > since(b) ? 1 : a.id < b.id ? -1 : 1));
  return new Set(intruders.slice(INTRUDERS_MAX - 1).map((node) => node.id));
}

function blank(id: string, kind: Node["kind"], server: string | null, name: string): Node {
  const unknown = { addresses: [], containers: [], first_seen: null, last_seen: null, within: null };
  return { id, kind, server, name, proxy_kind: null, ...unknown };
}

const MORE = blank(MORE_INTRUDERS, "outside", null, "more intruders");

const EVERYWHERE: ServerForm = {
  id: ALL_SERVERS,
  connected: true,
  internal_addresses: [],
  public_addresses: [],
  networks: [],
  proxies: [],
};

function asTotals(node: Node, collapsed: ReadonlySet<string>): Node {
  if (node.server === null || !collapsed.has(node.server) || node.kind === "proxy") return node;
  return blank(totalsNode(node.server), "service", node.server, "");
}

function asService(node: Node): Node {
  if (node.kind === "service") return blank(`service:${node.name}`, "service", ALL_SERVERS, node.name);
  if (node.kind === "proxy")
    return blank(`proxies:${node.proxy_kind}`, "service", ALL_SERVERS, `${node.proxy_kind} gateways`);
  return node.server === null ? node : { ...node, server: null };
}

/** A group is named after what it holds, and holds its members' addresses and containers. */
function named(node: Node, members: Node[]): Node {
  const all = {
    addresses: members.flatMap((m) => m.addresses),
    containers: members.flatMap((m) => m.containers),
  };
  if (node.id === MORE_INTRUDERS) return { ...node, ...all, name: `${members.length} more intruders` };
  if (serverOfTotals(node.id) === null) return { ...node, ...all, name: node.name || members[0].name };
  const services = members.filter((m) => m.kind === "service").length;
  return { ...node, ...all, name: `${services} service${services === 1 ? "" : "s"}` };
}

function edgesAs(
  edges: Graph["edges"],
  shownAs: ReadonlyMap<string, string>,
  view: ViewMode,
): Graph["edges"] {
  if (shownAs.size === 0 && view === "servers") return edges;
  const shown = (id: string) => shownAs.get(id) ?? id;
  const made = new Map<number, Edge>();
  for (const [index, edge] of edges) {
    const [from, to] = [shown(edge.from), shown(edge.to)];
    const via = view === "servers" ? edge.via : [];
    const same = from === edge.from && to === edge.to && via === edge.via;
    made.set(index, same ? edge : { ...edge, from, to, via });
  }
  return made;
}

/** Without hulls a gateway is worth a node only where it answers by itself. */
function dropIdleProxies(nodes: Map<string, Node>, edges: Graph["edges"]): void {
  dropIdle(nodes, edges, (node) => node.kind === "proxy" || node.id.startsWith("proxies:"));
}

/** Nodes of this kind go where no edge begins or ends at them. */
function dropIdle(nodes: Map<string, Node>, edges: Graph["edges"], which: (node: Node) => boolean): void {
  const ends = new Set([...edges.values()].flatMap((edge) => [edge.from, edge.to]));
  for (const [id, node] of nodes) if (which(node) && !ends.has(id)) nodes.delete(id);
}

function restsOf(nodes: Iterable<Node>): Set<string> {
  const rests = new Set<string>();
  for (const { within } of nodes) if (within !== null) rests.add(within);
  return rests;
}

/** Of closed hulls the hub's own figures; of other groups the sum of their members'. */
function figuresOf(graph: Graph, groups: ReadonlyMap<string, Node[]>): Graph["nodeFigures"] {
  if (groups.size === 0) return graph.nodeFigures;
  const figures = new Map(graph.nodeFigures);
  for (const [id, members] of groups) {
    const server = serverOfTotals(id);
    const own = server === null ? undefined : graph.serverFigures.get(server);
    const parts = members.flatMap((member) => graph.nodeFigures.get(member.id) ?? []);
    if (own) figures.set(id, own);
    else if (parts.length > 0) figures.set(id, sumFigures(parts));
  }
  return figures;
}
