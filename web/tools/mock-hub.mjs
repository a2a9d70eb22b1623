/**
 * A mock hub for developing the view: serves `web/dist` and a synthetic live socket.
 *
 *   npm run mock -- [--port 8090] [--scene demo|shop|big] [--nodes 500] [--rate 1] [--late 20] [--empty] [--reader ann]
 *
 * `--late`: seconds until the third server of the demo joins (0: from the start). `--reader`: who is
 * logged in.
 * Always holds: the messages are the hub's forms; the Content-Security-Policy is as strict as the hub's.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { worldOf } from "./mock-world.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8090" },
    scene: { type: "string", default: "demo" },
    nodes: { type: "string", default: "500" },
    rate: { type: "string", default: "1" },
    late: { type: "string", default: "20" },
    empty: { type: "boolean", default: false },
    reader: { type: "string" },
  },
});
const FRAME_MS = 100;
const world = options.empty
  ? { servers: [], nodes: [], edges: [], late: null }
  : worldOf(options.scene, Number(options.nodes));
const speed = Number(options.rate);
if (world.late && options.late === "0") join3(world, world.late);

const totals = new Map();
const window60 = new Map();
const calls = new Map();
const recent = { calls: [], errors: [] };
const notices = new Map();
let seq = 1;
let version = 1;
let serial = 0;
let halves = [];

function join3(into, late) {
  into.servers.push(...late.servers);
  into.nodes.push(...late.nodes);
  into.edges.push(...late.edges);
  into.late = null;
}

const wire = ({ plan: _plan, ...edge }) => edge;
const PATHS = [
  "/echo?q=x",
  "/orders/91c2/items",
  "/aggregate?depth=2",
  "/healthz",
  "/users/42",
  "/search?q=%3Cb%3Ehi",
  "/v1/invoices/91d0/pay",
];
const pick = (list) => list[Math.floor(Math.random() * list.length)];

function makeCall(edge, now) {
  const { plan } = edge;
  const proxy = world.nodes.find((n) => n.id === edge.to)?.kind === "proxy";
  const ok = Math.random() >= plan.errors;
  const duration = plan.ms * (0.4 + Math.random() ** 3 * 4);
  const id = `${Math.floor(now).toString(36)}-${(serial++).toString(36)}`;
  const status = ok ? pick([200, 200, 200, 204, 304]) : proxy ? 404 : pick([400, 404, 500, 502, 503]);
  const missing = edge.origin === "cross_server" && Math.random() < 0.06 ? "callee_half" : null;
  const summary = {
    id,
    edge: edge.index,
    start_ms: now - duration,
    duration_ms: duration,
    method: pick(["GET", "GET", "POST"]),
    host: "private-proxy",
    path: proxy ? pick(["/wp-login.php", "/.env", "/admin"]) : pick(PATHS),
    status,
    ok,
    origin: edge.origin,
    address: world.nodes.find((n) => n.id === edge.from)?.addresses[0] ?? null,
    answered_by: proxy ? "proxy" : "service",
    join: edge.origin === "cross_server" && !missing ? "trace" : "none",
    missing,
    revision: 1,
  };
  calls.set(id, summary);
  if (calls.size > 4000) calls.delete(calls.keys().next().value);
  return summary;
}

function step(now) {
  const frame = {
    type: "frame",
    seq: ++seq,
    matched: null,
    time_ms: now,
    topology: null,
    totals: { edge: [], calls: [], errors: [], bytes: [] },
    packets: { edge: [], end_ms: [], duration_ms: [], status: [], ok: [] },
    errors: [],
    calls: [],
    amended: halves,
    hidden: { packets: 0, errors: 0, calls: 0 },
    stats: null,
    status: null,
    notices: [],
  };
  halves = [];
  for (const edge of world.edges) play(frame, edge, now);
  while (recent.calls.length > 200) recent.calls.shift();
  while (recent.errors.length > 200) recent.errors.shift();
  frame.calls = frame.calls.slice(-50);
  return frame;
}

function play(frame, edge, now) {
  let due = (edge.plan.rate * speed * FRAME_MS) / 1000;
  let any = false;
  for (; due > 0 && Math.random() < due; due -= 1) {
    const call = makeCall(edge, now);
    any = true;
    const t = totals.get(edge.index) ?? { calls: 0, errors: 0, bytes: 0 };
    totals.set(edge.index, {
      calls: t.calls + 1,
      errors: t.errors + (call.ok ? 0 : 1),
      bytes: t.bytes + 700,
    });
    const w = window60.get(edge.index) ?? [];
    w.push({ now, ms: call.duration_ms, ok: call.ok });
    window60.set(edge.index, w);
    if (frame.packets.edge.length < 2000) {
      const columns = {
        edge: edge.index,
        end_ms: Math.random() * FRAME_MS,
        duration_ms: call.duration_ms,
        status: call.status,
        ok: call.ok ? 1 : 0,
      };
      for (const [key, value] of Object.entries(columns)) frame.packets[key].push(value);
    } else frame.hidden.packets++;
    frame.calls.push(call);
    recent.calls.push(call);
    if (!call.ok) {
      frame.errors.push(call);
      recent.errors.push(call);
    }
    if (call.missing)
      setTimeout(() => halves.push({ ...call, missing: null, join: "trace", revision: 2 }), 900);
    if (edge.origin === "outside")
      frame.notices.push(
        notice(
          "outside",
          edge,
          "Knock at a private gateway from outside",
          `${call.address} asked server-a's private gateway for ${call.path}. It belongs to no server.`,
        ),
      );
    if (edge.origin === "hairpin")
      frame.notices.push(
        notice(
          "hairpin",
          edge,
          "A call goes out and back in",
          "server-b calls server-a through its public gateway; the internal address would be shorter.",
        ),
      );
    if (call.missing)
      frame.notices.push(
        notice(
          "half_seen",
          edge,
          "Half-seen call",
          "The callee's half is missing: its line has not come yet.",
        ),
      );
  }
  if (!any) return;
  const t = totals.get(edge.index);
  frame.totals.edge.push(edge.index);
  for (const key of ["calls", "errors", "bytes"]) frame.totals[key].push(t[key]);
}

function notice(kind, edge, title, text) {
  const id = `${kind} ${edge.id}`;
  const made = {
    id,
    kind,
    title,
    text,
    count: (notices.get(id)?.count ?? 0) + 1,
    time: new Date().toISOString(),
    ended: null,
    node: edge.from,
    edge: edge.index,
    server: null,
  };
  notices.set(id, made);
  return made;
}

function figures(entries, now) {
  const all = entries.filter((e) => e.now > now - 60_000);
  const sorted = all.map((e) => e.ms).sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return {
    rate: all.filter((e) => e.now > now - 10_000).length / 10,
    calls: all.length,
    errors: all.filter((e) => !e.ok).length,
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    p99_ms: at(0.99),
    bytes: all.length * 700,
  };
}

function group(keyOf, now) {
  const groups = new Map();
  for (const edge of world.edges) {
    const entries = window60.get(edge.index) ?? [];
    for (const key of new Set([].concat(keyOf(edge)))) {
      if (key != null && entries.length) groups.set(key, (groups.get(key) ?? []).concat(entries));
    }
  }
  return [...groups].map(([key, entries]) => [key, figures(entries, now)]);
}

function columns(name, rows, keys) {
  return {
    [name]: rows.map(([key]) => key),
    ...Object.fromEntries(keys.map((k) => [k, rows.map(([, f]) => f[k])])),
  };
}

function stats(now) {
  for (const [key, entries] of window60)
    window60.set(
      key,
      entries.filter((e) => e.now > now - 60_000),
    );
  const short = ["rate", "calls", "errors", "p50_ms", "p95_ms", "p99_ms", "bytes"];
  const serverOf = (id) => world.nodes.find((n) => n.id === id)?.server;
  const big = world.edges.length > 1000;
  const whole = figures([...window60.values()].flat(), now);
  return {
    edges: columns(
      "edge",
      group((e) => e.index, now),
      ["rate", "calls", "errors", "p50_ms", "p95_ms", "p99_ms", "bytes"],
    ),
    nodes: columns(
      "node",
      group((e) => (big ? e.to : [e.to, ...e.via]), now),
      short,
    ),
    servers: columns(
      "server",
      group((e) => (big ? null : [serverOf(e.to), ...e.via.map(serverOf)]), now),
      short,
    ),
    rate: whole.rate,
    error_share: whole.calls ? whole.errors / whole.calls : 0,
    p95_ms: whole.calls ? whole.p95_ms : null,
  };
}

function status() {
  const rate = figures([...window60.values()].flat(), Date.now()).rate;
  return {
    servers: world.servers.map((s) => ({
      id: s.id,
      connected: s.connected,
      lag_ms: 18 + Math.random() * 30,
      skew_ms: 1.4,
      malformed: 0,
      missing: 0,
    })),
    received_per_s: rate * 1.3,
    shown_per_s: rate,
    malformed: 0,
    missing: 0,
    outstanding: 0,
    exact: true,
    reason: null,
  };
}

function snapshot(now) {
  const rows = [...totals];
  return {
    type: "snapshot",
    protocol: 1,
    hub_version: "mock",
    seq,
    time_ms: now,
    frame_interval_ms: FRAME_MS,
    q: "",
    matched: null,
    matched_since_ms: null,
    topology: { version, servers: world.servers, nodes: world.nodes, edges: world.edges.map(wire) },
    totals: {
      edge: rows.map(([k]) => k),
      calls: rows.map(([, t]) => t.calls),
      errors: rows.map(([, t]) => t.errors),
      bytes: rows.map(([, t]) => t.bytes),
    },
    stats: stats(now),
    status: status(),
    errors: recent.errors,
    calls: recent.calls,
    notices: [...notices.values()],
  };
}

function change(parts) {
  return {
    version: ++version,
    servers: [],
    nodes: [],
    edges: [],
    removed_servers: [],
    removed_nodes: [],
    removed_edges: [],
    ...parts,
  };
}

const party = (id) => {
  const n = world.nodes.find((other) => other.id === id);
  return { node: id, kind: n.kind, server: n.server, name: n.name, address: n.addresses[0] ?? null };
};

function wholeCall(summary) {
  const edge = world.edges.find((e) => e.index === summary.edge);
  const hops = edge.via.map((id, i) => {
    const proxy = world.nodes.find((n) => n.id === id);
    const duration = summary.duration_ms * (1 - 0.12 * i);
    return {
      server: proxy.server,
      proxy: proxy.name,
      kind: proxy.proxy_kind,
      log: "9f".repeat(16),
      offset: 10234 + i,
      start: new Date(summary.start_ms).toISOString(),
      duration_ms: duration,
      upstream_ms: duration * 0.93,
      overhead_ms: duration * 0.07,
      status: summary.status,
      upstream_status: summary.status,
      client: `${summary.address ?? "172.20.0.4"}:55098`,
      forwarded: null,
      entry_point: "web",
      router: "svc@file",
      service: "svc@file",
      upstream: "http://10.10.0.12",
      path: summary.path,
      protocol: "HTTP/1.1",
      user_agent: "python-httpx/0.28",
      bytes_in: 0,
      bytes_out: 446,
      request_count: 812 + i,
      retries: 0,
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
      why: "peer is server-a's internal address; trace id matches",
    };
  });
  const {
    id,
    start_ms,
    duration_ms,
    method,
    host,
    path,
    status: code,
    ok,
    origin,
    answered_by,
    join: by,
    missing,
    revision,
  } = summary;
  return {
    id,
    start: new Date(start_ms).toISOString(),
    duration_ms,
    method,
    host,
    path,
    status: code,
    ok,
    from: party(edge.from),
    to: party(edge.to),
    origin,
    answered_by,
    join: {
      by,
      confidence: by === "none" ? 0 : 1,
      missing,
      reason: missing ? "that server's line has not come" : null,
    },
    parent: null,
    revision,
    grpc_status: null,
    hops,
  };
}

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const CSP = "default-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://mock");
  const answer = (code, type, body) =>
    response.writeHead(code, { "content-type": type, "content-security-policy": CSP }).end(body);
  if (pathname.startsWith("/api/v1/requests/")) {
    const call = calls.get(decodeURIComponent(pathname.slice(17)));
    return call
      ? answer(200, "application/json", JSON.stringify(wholeCall(call)))
      : answer(404, "application/problem+json", "{}");
  }
  if (pathname === "/api/v1/session") {
    const session = { reader: options.reader ?? null, logout: options.reader ? "/logout" : null };
    return answer(200, "application/json", JSON.stringify(session));
  }
  const file = join(DIST, normalize(pathname === "/" ? "/index.html" : pathname));
  const body = await readFile(file).catch(() => null);
  return body
    ? answer(200, TYPES[extname(file)] ?? "application/octet-stream", body)
    : answer(404, "text/plain", "not found");
});

const sockets = new WebSocketServer({ server, path: "/api/v1/live" });
sockets.on("connection", (socket) => socket.send(JSON.stringify(snapshot(Date.now()))));

let ticks = 0;
setInterval(() => {
  const now = Date.now();
  const frame = step(now);
  if (++ticks % 10 === 0) Object.assign(frame, { stats: stats(now), status: status() });
  if (world.late && ticks === Number(options.late) * 10) {
    const { servers, nodes, edges } = world.late;
    frame.topology = change({ servers, nodes, edges: edges.map(wire) });
    join3(world, world.late);
  }
  const text = JSON.stringify(frame);
  for (const socket of sockets.clients) if (socket.readyState === 1) socket.send(text);
}, FRAME_MS);

server.listen(Number(options.port), "127.0.0.1", () =>
  console.log(`mock hub: http://127.0.0.1:${options.port}/`),
);
