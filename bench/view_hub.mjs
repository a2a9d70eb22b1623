/**
 * A feeder of the view for its figures: a synthetic federation on a socket that speaks the hub's forms.
 *
 *   node bench/view_hub.mjs '{"nodes": 2000, "edges": 5000, "rate": 10000, "secondsAFrame": 0.1, "frameMs": 100}'
 *
 * Prints its address as JSON. `POST /add` adds a container (a service with an edge), as a hub would tell it.
 * `secondsAFrame` is how much of the federation's time a frame tells of: 1 with frames every 10 ms is 100
 * times the real speed. A frame holds at most what the hub's bounds let through; the rest is counted.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { worldOf } from "../web/tools/mock-world.mjs";

const { WebSocketServer } = createRequire(new URL("../web/package.json", import.meta.url))("ws");
const given = { nodes: 500, edges: 1000, rate: 1000, secondsAFrame: 0.1, frameMs: 100, ...JSON.parse(process.argv[2]) };
const MAX = { packets: 2000, errors: 200, calls: 50 };
const ERROR_SHARE = 0.01;

const world = worldOf("big", given.nodes);
const services = world.nodes.filter((n) => n.kind === "service");
const wire = ({ plan: _plan, ...edge }) => edge;
const edges = world.edges.map(wire).slice(0, given.edges);
for (let i = edges.length; i < given.edges; i++) {
  const [from, to] = [services[(i * 31) % services.length], services[(i * 17 + 5) % services.length]];
  const cross = from.server !== to.server;
  const via = [...new Set([from.server, to.server])].map((s) => `${s}/private-proxy`);
  edges.push({ id: `e${i}`, index: i, from: from.id, to: to.id, origin: cross ? "cross_server" : "same_server", via });
}

const counts = edges.map(() => ({ calls: 0, errors: 0 }));
let [seq, version, serial, next] = [1, 1, 0, 0];
let timeMs = Date.now();

const columnsOf = (names, rows) => Object.fromEntries(names.map((name, k) => [name, rows.map((row) => row[k])]));

const FIGURES = ["rate", "calls", "errors", "p50_ms", "p95_ms", "p99_ms", "bytes"];

function stats() {
  const perEdge = given.rate / edges.length;
  const names = ["edge", ...FIGURES];
  const rows = edges.map((e, i) => [e.index, perEdge * (0.5 + (i % 10) / 9), perEdge * 60, i % 9 ? 0 : perEdge, 4, 22, 51, perEdge * 42_000]);
  const short = (key, keys) =>
    columnsOf([key, ...FIGURES], keys.map((k) => [k, perEdge * 2, perEdge * 120, perEdge, 4, 22, 51, perEdge * 84_000]));
  return {
    edges: columnsOf(names, rows),
    nodes: short("node", services.map((n) => n.id)),
    servers: short("server", world.servers.map((s) => s.id)),
    rate: given.rate,
    error_share: ERROR_SHARE,
    p95_ms: 22,
  };
}

const status = () => ({
  servers: world.servers.map((s) => ({ id: s.id, connected: true, lag_ms: 20, skew_ms: 0.2, malformed: 0, missing: 0 })),
  received_per_s: given.rate,
  shown_per_s: given.rate,
  malformed: 0,
  missing: 0,
  outstanding: 0,
  exact: true,
  reason: null,
});

const totalsOf = (indexes) => ({
  edge: indexes,
  calls: indexes.map((i) => counts[i].calls),
  errors: indexes.map((i) => counts[i].errors),
  bytes: indexes.map((i) => counts[i].calls * 700),
});

const queryless = { q: "", matched: null, matched_since_ms: null };

function snapshot() {
  return {
    type: "snapshot",
    protocol: 1,
    hub_version: "bench",
    seq,
    time_ms: timeMs,
    frame_interval_ms: given.frameMs,
    ...queryless,
    topology: { version, servers: world.servers, nodes: world.nodes, edges },
    totals: totalsOf(edges.map((e) => e.index)),
    stats: stats(),
    status: status(),
    errors: [],
    calls: [],
    notices: [],
  };
}

function callOf(index, ok, durationMs) {
  const edge = edges[index];
  return {
    id: `${timeMs.toString(36)}-${(serial++).toString(36)}`,
    edge: index,
    start_ms: timeMs - durationMs,
    duration_ms: durationMs,
    method: "GET",
    host: "private-proxy",
    path: `/items/${serial % 977}`,
    status: ok ? 200 : 502,
    ok,
    origin: edge.origin,
    address: "172.20.0.4",
    answered_by: "service",
    join: "none",
    missing: null,
    revision: 1,
  };
}

function frame() {
  timeMs += given.secondsAFrame * 1000;
  const due = Math.round(given.rate * given.secondsAFrame);
  const packets = { edge: [], end_ms: [], duration_ms: [], status: [], ok: [] };
  const made = { errors: [], calls: [] };
  const hidden = { packets: 0, errors: 0, calls: 0 };
  const changed = new Set();
  for (let i = 0; i < due; i++) {
    next = (next + 7919) % edges.length;
    const ok = (serial + i) % 100 !== 0;
    const durationMs = 2 + ((i * 37) % 60);
    counts[next].calls++;
    if (!ok) counts[next].errors++;
    changed.add(next);
    if (packets.edge.length < MAX.packets) {
      packets.edge.push(next);
      packets.end_ms.push((i * 100) / due);
      packets.duration_ms.push(durationMs);
      packets.status.push(ok ? 200 : 502);
      packets.ok.push(ok ? 1 : 0);
    } else hidden.packets++;
    const [kind, bound] = ok ? ["calls", MAX.calls] : ["errors", MAX.errors];
    if (made[kind].length < bound) made[kind].push(callOf(next, ok, durationMs));
    else hidden[kind]++;
  }
  const second = seq % Math.max(1, Math.round(1 / given.secondsAFrame)) === 0;
  seq++;
  return {
    type: "frame",
    seq,
    time_ms: timeMs,
    topology: null,
    totals: totalsOf([...changed]),
    matched: null,
    packets,
    ...made,
    amended: [],
    hidden,
    stats: second ? stats() : null,
    status: second ? status() : null,
    notices: [],
  };
}

/** One more container on the first server, called by one that is there. */
function added() {
  const n = services.length;
  const id = `${world.servers[0].id}/late-${n}`;
  const node = { ...services[0], id, name: `late-${n}`, addresses: [`172.20.9.${n % 250}`] };
  const index = edges.length;
  const edge = { ...edges.find((e) => e.origin === "same_server"), id: `e${index}`, index, to: id };
  services.push(node);
  world.nodes.push(node);
  edges.push(edge);
  counts.push({ calls: 0, errors: 0 });
  const gone = { removed_servers: [], removed_nodes: [], removed_edges: [] };
  return { version: ++version, servers: [], nodes: [node], edges: [edge], ...gone };
}

const DIST = fileURLToPath(new URL("../web/dist", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
let topology = null;
const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://bench");
  if (request.method === "POST" && pathname === "/add") {
    topology = added();
    return response.end(topology.nodes[0].id);
  }
  if (pathname.startsWith("/api/")) return response.writeHead(200, { "content-type": "application/json" }).end("{}");
  const file = join(DIST, normalize(pathname === "/" ? "/index.html" : pathname));
  const body = await readFile(file).catch(() => null);
  if (!body) return response.writeHead(404).end();
  return response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "font/woff2" }).end(body);
});

const sockets = new WebSocketServer({ server, path: "/api/v1/live" });
sockets.on("connection", (socket) => {
  socket.send(JSON.stringify(snapshot()));
  socket.on("message", () => {});
});
setInterval(() => {
  if (sockets.clients.size === 0) return;
  const made = frame();
  if (topology) [made.topology, topology] = [topology, null];
  const text = JSON.stringify(made);
  for (const socket of sockets.clients) if (socket.bufferedAmount < 4e6) socket.send(text);
}, given.frameMs);
server.listen(0, "127.0.0.1", () =>
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/`, nodes: world.nodes.length, edges: edges.length })),
);
