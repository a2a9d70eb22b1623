/** The panel of a selected node, edge or server: figures, sparkline, status split, peers, live requests. */
import type { Call, CallSummary, Edge } from "#forms";
import { fetchNewest } from "../backend/calls";
import { SPARK_S } from "../defaults";
import { bytes, grouped, ms, rate, share } from "../render/format";
import { shows } from "../select/filters";
import { quoted, withValue } from "../select/terms";
import { callsOf, edgeOfCall, edgesOf, kindText, membersOf, type Selection } from "../select/visible";
import { classSplit } from "../store/classes";
import { type Figures, type Graph, NO_FIGURES, sumFigures } from "../store/graph";
import { sparkline } from "../store/history";
import { merge } from "../store/requests";
import type { App } from "./app";
import { h, heading } from "./dom";
import { extraOf } from "./extras";
import { figureTiles, statusSplit } from "./figures";
import { keyedList, ORIGIN_TEXT, shortRow } from "./rows";
import { sparkChart } from "./spark";

const ROWS_MAX = 40;
const PEERS_MAX = 12;

/** The content for one selection; made anew when another thing is selected. */
export function selectionView(
  app: App,
  selection: Selection,
): { element: HTMLElement; update(): void; close(): void } {
  const tiles = figureTiles();
  const spark = sparkChart();
  const split = statusSplit();
  const peers = h("div", { class: "peers" });
  const requests = h("div", { class: "requests" });
  const none = h("p", { class: "hint" }, "No request seen since opened.");
  const facts = h("dl", { class: "facts" });
  const fill = keyedList(
    requests,
    (call: CallSummary) => `${call.id} ${call.revision}`,
    (call) => shortRow(app, call),
  );
  const all = h(
    "button",
    { type: "button", class: "quiet", onclick: () => listAll(app, selection) },
    "List all",
  );
  const abort = new AbortController();
  const extra = extraOf(app, selection, abort.signal);
  const element = h(
    "div",
    { class: "panel-body" },
    tiles.element,
    heading("Last 60 s"),
    spark.element,
    heading("Status, last 60 s"),
    split.element,
    facts,
    heading(selection.kind === "edge" ? "Ends" : "Peers"),
    peers,
    extra?.element ?? null,
    h("div", { class: "heading-row" }, heading("Live requests"), all),
    none,
    requests,
  );
  let older: CallSummary[] = [];
  const filter = newestOf(app, selection);
  if (filter)
    fetchNewest({ ...filter, limit: String(ROWS_MAX) }, abort.signal).then(
      (calls) => {
        older = calls.map((call) => summaryOf(app.state.graph, call));
        update();
      },
      () => {}, // what comes live is listed all the same
    );
  const update = () => {
    const { shown: graph, history, requests: log, filters } = app.state;
    const edges = edgesOf(graph, selection);
    const figures = figuresOf(graph, selection, edges);
    tiles.update(figures);
    spark.update(
      sparkline(
        history,
        edges.map((edge) => edge.index),
      ),
      history.openedAtS === null ? 0 : Math.max(0, SPARK_S - 1 - (history.nowS - history.openedAtS)),
    );
    split.update(
      classSplit(
        app.state.classes,
        edges.map((edge) => edge.index),
        graph.timeMs,
      ),
    );
    facts.replaceChildren(...factsOf(graph, selection, edges));
    // Rows made anew would lose the focus of somebody who goes through them by keyboard.
    if (!peers.contains(document.activeElement))
      peers.replaceChildren(...peersOf(app, graph, selection, edges));
    const live = callsOf(log.calls, edges, ROWS_MAX);
    const calls = merge(older, [...live].reverse(), ROWS_MAX).filter((call) =>
      shows(filters, call.status, call.ok),
    );
    extra?.update(
      merge(older, callsOf(log.calls, edges, log.calls.length).reverse(), log.calls.length + ROWS_MAX),
    );
    none.hidden = calls.length > 0;
    fill(calls);
  };
  return { element, update, close: () => abort.abort() };
}

/** The list of requests, of this selection only. */
function listAll(app: App, selection: Selection): void {
  const filter = newestOf(app, selection);
  const [field, value] = Object.entries(filter ?? {}).find(([key]) => key !== "q") ?? [];
  app.openPanel({ kind: "none" });
  if (field && value) app.setQuery(withValue(app.state.q, field, quoted(value)));
  app.showRequests();
}

/** By which filter the hub lists the newest calls of a selection; null: there is none. */
function newestOf(app: App, selection: Selection): Record<string, string> | null {
  const { graph, shown, q } = app.state;
  const filter: Record<string, string> = q && app.state.qError === null ? { q } : {};
  if (selection.kind === "server")
    return graph.servers.has(selection.id) ? { ...filter, server: selection.id } : null;
  if (selection.kind === "node") {
    if (shown.groups.has(selection.id)) return null;
    return {
      ...filter,
      ...(shown.rests.has(selection.id) ? restOf(app, selection.id) : {}),
      node: selection.id,
    };
  }
  const edge = graph.edges.get(selection.index);
  return edge ? { ...filter, edge: edge.id } : null;
}

/** The calls of many without those of the busiest, which have nodes of their own. */
function restOf(app: App, id: string): { q: string } {
  const { shown, q, qError } = app.state;
  const own = [...shown.nodes.values()].filter((node) => node.within === id).map((node) => node.id);
  return { q: [qError === null ? q : "", ...own.map((one) => `-from:${quoted(one)}`)].join(" ").trim() };
}

/** A listed call as the live lists show one. */
function summaryOf(graph: Graph, call: Call): CallSummary {
  const { id, duration_ms, method, host, path, status, ok, origin, answered_by, revision, join } = call;
  const same = { id, duration_ms, method, host, path, status, ok, origin, answered_by, revision };
  const start_ms = Date.parse(call.start);
  return {
    ...same,
    edge: edgeOfCall(graph, call)?.index ?? -1,
    start_ms,
    address: call.from.address,
    join: join.by,
    missing: join.missing,
  };
}

export function titleOf(graph: Graph, selection: Selection): { title: string; text: string } {
  if (selection.kind === "server") {
    const server = graph.servers.get(selection.id);
    const state = server?.connected ? "agent connected" : "agent gone";
    return {
      title: selection.id,
      text: ["server", state, ...(server?.internal_addresses ?? [])].join(" · "),
    };
  }
  if (selection.kind === "edge") {
    const edge = graph.edges.get(selection.index);
    const name = (id?: string) => (id && graph.nodes.get(id)?.name) || "unknown";
    return { title: `${name(edge?.from)} → ${name(edge?.to)}`, text: edge ? ORIGIN_TEXT[edge.origin] : "" };
  }
  const node = graph.nodes.get(selection.id);
  if (!node) return { title: "gone", text: "" };
  return { title: node.name, text: [node.server, kindText(node)].filter(Boolean).join(" · ") };
}

function figuresOf(graph: Graph, selection: Selection, edges: Edge[]): Figures {
  const sum = sumFigures(edges.flatMap((edge) => graph.edgeFigures.get(edge.index) ?? []));
  if (selection.kind === "edge") return sum;
  const own =
    selection.kind === "node" ? graph.nodeFigures.get(selection.id) : graph.serverFigures.get(selection.id);
  return own ?? sum;
}

function factsOf(graph: Graph, selection: Selection, edges: Edge[]): HTMLElement[] {
  const facts: [string, string][] = [];
  if (selection.kind === "node") {
    const node = graph.nodes.get(selection.id);
    if (node?.addresses.length) facts.push(["addresses", node.addresses.slice(0, 6).join(", ")]);
    for (const c of node?.containers ?? []) {
      facts.push(["container", [c.name, c.address, c.network, c.image].filter(Boolean).join(" · ")]);
    }
  }
  if (selection.kind === "server") {
    const server = graph.servers.get(selection.id);
    const state = graph.status?.servers.find((s) => s.id === selection.id);
    if (server?.public_addresses.length) facts.push(["public", server.public_addresses.join(", ")]);
    for (const network of server?.networks ?? [])
      facts.push(["network", `${network.name} ${network.subnets.join(", ")}`]);
    if (state?.lag_ms != null) facts.push(["lag", ms(state.lag_ms)]);
    if (state?.skew_ms != null)
      facts.push([
        "clock",
        `${state.skew_ms >= 0 ? "+" : "−"}${ms(Math.abs(state.skew_ms))} against the hub`,
      ]);
    if (state) facts.push(["lines", `${state.malformed} malformed, ${state.missing} missing`]);
  }
  if (selection.kind === "edge" && edges[0]) {
    const via = edges[0].via.map((id) => graph.nodes.get(id)?.name ?? id);
    if (via.length) facts.push(["via", via.join(" → ")]);
  }
  const totals = edges.flatMap((edge) => graph.totals.get(edge.index) ?? []);
  const calls = totals.reduce((sum, t) => sum + t.calls, 0);
  const size = totals.reduce((sum, t) => sum + t.bytes, 0);
  facts.push(["in all", `${grouped(calls)} calls, ${bytes(size)}`]);
  return facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

function peersOf(app: App, graph: Graph, selection: Selection, edges: Edge[]): HTMLElement[] {
  const rows = edges
    .map((edge) => ({ edge, figures: graph.edgeFigures.get(edge.index) ?? NO_FIGURES }))
    .sort((a, b) => b.figures.rate - a.figures.rate || (a.edge.id < b.edge.id ? -1 : 1));
  if (rows.length === 0) return [h("p", { class: "hint" }, "Nobody yet.")];
  if (selection.kind === "edge") {
    return [rows[0].edge.from, rows[0].edge.to].map((id, i) =>
      endRow(app, graph, id, i === 0 ? "from" : "to"),
    );
  }
  const members = new Set(
    selection.kind === "server" ? membersOf(graph, selection.id).map((n) => n.id) : [selection.id],
  );
  const shown = rows
    .slice(0, PEERS_MAX)
    .map(({ edge, figures }) => peerRow(app, graph, edge, figures, members));
  const rest = rows.length - shown.length;
  return rest > 0 ? [...shown, h("p", { class: "hint" }, `and ${rest} more`)] : shown;
}

function endRow(app: App, graph: Graph, id: string, way: string): HTMLElement {
  const name = graph.nodes.get(id)?.name ?? id;
  const server = graph.nodes.get(id)?.server ?? "";
  return h(
    "button",
    { type: "button", class: "row peer", onclick: () => app.select({ kind: "node", id }) },
    h("span", { class: "way" }, way),
    h("span", { class: "path" }, name),
    h("span", { class: "took" }, server),
  );
}

/** What sets this peer apart: an unusual way, else the server it lives on where that is another one. */
function remark(graph: Graph, edge: Edge, way: string): string {
  if (edge.origin === "cross_server_direct") return "direct";
  if (edge.origin === "hairpin" || edge.origin === "outside" || edge.origin === "undecided")
    return edge.origin;
  if (edge.origin !== "cross_server") return "";
  return graph.nodes.get(way === "in" ? edge.from : edge.to)?.server ?? "";
}

function peerRow(app: App, graph: Graph, edge: Edge, figures: Figures, members: Set<string>): HTMLElement {
  const way = members.has(edge.from)
    ? members.has(edge.to)
      ? "within"
      : "out"
    : members.has(edge.to)
      ? "in"
      : "through";
  const name = (id: string) => graph.nodes.get(id)?.name ?? id;
  const text =
    way === "out" ? name(edge.to) : way === "in" ? name(edge.from) : `${name(edge.from)} → ${name(edge.to)}`;
  return h(
    "button",
    { type: "button", class: "row peer", onclick: () => app.select({ kind: "edge", index: edge.index }) },
    h("span", { class: "way" }, way),
    h("span", { class: "path", title: text }, text),
    h("em", { class: edge.origin, title: ORIGIN_TEXT[edge.origin] }, remark(graph, edge, way)),
    h("span", { class: "took strong" }, `${rate(figures.rate)}/s`),
    h("span", { class: figures.errors ? "took bad-text" : "took" }, share(figures.errors, figures.calls)),
  );
}
