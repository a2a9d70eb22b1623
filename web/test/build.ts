/** Builders of the hub's forms for the tests. */
import type { CallSummary, Edge, Frame, Node, ServerForm, Snapshot } from "#forms";

export function server(id: string, more: Partial<ServerForm> = {}): ServerForm {
  return {
    id,
    connected: true,
    internal_addresses: [],
    public_addresses: [],
    networks: [],
    proxies: [],
    ...more,
  };
}

export function node(id: string, kind: Node["kind"], of: string | null, more: Partial<Node> = {}): Node {
  const name = id.split("/").at(-1) ?? id;
  return {
    id,
    kind,
    server: of,
    name,
    proxy_kind: null,
    addresses: [],
    containers: [],
    first_seen: null,
    last_seen: null,
    within: null,
    ...more,
  };
}

export function edge(
  index: number,
  from: string,
  to: string,
  origin: Edge["origin"],
  via: string[] = [],
): Edge {
  return { id: `e${index}`, index, from, to, origin, via };
}

export const NO_TOTALS = { edge: [], calls: [], errors: [], bytes: [] };

const NO_COLUMNS = { rate: [], calls: [], errors: [], p50_ms: [], p95_ms: [], p99_ms: [], bytes: [] };

export function emptyStats(): Snapshot["stats"] {
  return {
    edges: { edge: [], rate: [], calls: [], errors: [], p50_ms: [], p95_ms: [], p99_ms: [], bytes: [] },
    nodes: { node: [], ...NO_COLUMNS },
    servers: { server: [], ...NO_COLUMNS },
    rate: 0,
    error_share: 0,
    p95_ms: null,
  };
}

export function snapshot(
  servers: ServerForm[],
  nodes: Node[],
  edges: Edge[],
  more: Partial<Snapshot> = {},
): Snapshot {
  return {
    type: "snapshot",
    protocol: 1,
    hub_version: "test",
    seq: 1,
    time_ms: 1000,
    frame_interval_ms: 100,
    q: "",
    topology: { version: 1, servers, nodes, edges },
    totals: NO_TOTALS,
    matched: null,
    matched_since_ms: null,
    stats: emptyStats(),
    status: {
      servers: [],
      received_per_s: 0,
      shown_per_s: 0,
      malformed: 0,
      missing: 0,
      outstanding: 0,
      exact: true,
      reason: null,
    },
    errors: [],
    calls: [],
    notices: [],
    ...more,
  };
}

export function frame(seq: number, more: Partial<Frame> = {}): Frame {
  return {
    type: "frame",
    seq,
    time_ms: 1000 + seq * 100,
    topology: null,
    totals: NO_TOTALS,
    matched: null,
    packets: { edge: [], end_ms: [], duration_ms: [], status: [], ok: [] },
    errors: [],
    calls: [],
    amended: [],
    hidden: { packets: 0, errors: 0, calls: 0 },
    stats: null,
    status: null,
    notices: [],
    ...more,
  };
}

export function call(id: string, more: Partial<CallSummary> = {}): CallSummary {
  return {
    id,
    edge: 0,
    start_ms: 1000,
    duration_ms: 5,
    method: "GET",
    host: "private-proxy",
    path: "/",
    status: 200,
    ok: true,
    origin: "same_server",
    address: null,
    answered_by: "service",
    join: "none",
    missing: null,
    revision: 1,
    ...more,
  };
}

/** That federation, with some of the internet's addresses busy. */
export function withBusy(...addresses: string[]) {
  const world = federation();
  for (const address of addresses) {
    const within = "external/internet";
    world.nodes.push(node(`internet:${address}`, "external", null, { name: address, within }));
    const index = world.edges.length;
    world.edges.push(edge(index, `internet:${address}`, "server-a/com", "public", ["server-a/public"]));
  }
  return world;
}

/** Two servers as the demo has them: two services, a public and a private gateway each. */
export function federation(letters = ["a", "b"]) {
  const nodes = letters.flatMap((letter) => {
    const id = `server-${letter}`;
    return [
      node(`${id}/public`, "proxy", id, { proxy_kind: "public" }),
      node(`${id}/private`, "proxy", id, { proxy_kind: "private" }),
      node(`${id}/com`, "service", id),
      node(`${id}/non`, "service", id),
    ];
  });
  nodes.push(node("external/internet", "external", null), node("outside/9.9.9.9", "outside", null));
  const edges = [
    edge(0, "external/internet", "server-a/com", "public", ["server-a/public"]),
    edge(1, "server-a/com", "server-a/non", "same_server", ["server-a/private"]),
    edge(2, "server-a/com", "server-b/non", "cross_server", ["server-a/private", "server-b/private"]),
    edge(3, "server-b/com", "server-a/non", "cross_server", ["server-b/private", "server-a/private"]),
    edge(4, "outside/9.9.9.9", "server-a/non", "outside", ["server-a/private"]),
    edge(5, "external/internet", "server-a/public", "public", ["server-a/public"]),
    edge(6, "server-b/com", "server-b/non", "same_server", ["server-b/private"]),
    edge(7, "server-b/com", "server-a/non", "cross_server_direct", ["server-a/private"]),
    edge(8, "server-b/com", "server-a/com", "hairpin", ["server-a/public"]),
  ];
  return { servers: letters.map((letter) => server(`server-${letter}`)), nodes, edges };
}
