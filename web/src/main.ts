/**
 * The wiring: backend feeds the stores, stores feed layout and scene, views show them.
 *
 * Everything with a clock, a socket or storage meets here; the modules below know nothing of it.
 */
import "@fontsource-variable/inter";
import "./style/tokens.css";
import "./style/bars.css";
import "./style/panel.css";
import "./style/scene.css";
import type { Frame, Snapshot } from "#forms";
import { forces } from "./backend/forces";
import { connectLive, liveUrl } from "./backend/live";
import { askSession } from "./backend/session";
import { GONE_HIDDEN_AFTER_MS } from "./defaults";
import { arrange } from "./layout/arrange";
import { forceInput } from "./layout/flat";
import { emptyMemory, type Memory } from "./layout/model";
import { same } from "./render/frame";
import { launch } from "./render/launch";
import { DARK, LIGHT } from "./render/palette";
import { Scene } from "./render/scene";
import { toggle } from "./select/filters";
import { project, serverOfTotals, toggleHull, type ViewMode } from "./select/project";
import { focusOf, type Selection } from "./select/visible";
import { countClasses } from "./store/classes";
import { applyFrame, countedEdges, countedTotals, emptyGraph, fromSnapshot, goneFor } from "./store/graph";
import { count, emptyHistory, rebase } from "./store/history";
import { applyNotices, emptyNotices } from "./store/notices";
import { applyCalls, emptyRequests, requestsFromSnapshot } from "./store/requests";
import { fromQuery, toQuery } from "./view/address";
import type { App, Panel, State } from "./view/app";
import { h } from "./view/dom";
import { filterBar } from "./view/filters";
import { helpDialog } from "./view/help";
import { installHooks } from "./view/hooks";
import { attachKeys } from "./view/keys";
import { overlay } from "./view/overlay";
import { panelView } from "./view/panel";
import { panelOf, placeOf, selectionOf } from "./view/place";
import {
  rememberedHulls,
  rememberedMoves,
  rememberedStretch,
  rememberHulls,
  rememberMoves,
  rememberStretch,
} from "./view/remember";
import { statusBar } from "./view/statusbar";
import { srTable } from "./view/table";
import { applyTheme, rememberedTheme } from "./view/theme";
import { tooltip } from "./view/tooltip";
import { topBar } from "./view/topbar";
import { attachWalker } from "./view/walker";

const UPDATE_MS = 250;
const PANEL_W = 396;
/** A panel stands beside the picture from this width on; below it covers the picture's foot. */
const BESIDE_FROM_PX = 900;

const asked = fromQuery(window.location.search);
const graph = emptyGraph();
const hulls = asked.hulls.opened.size + asked.hulls.closed.size > 0 ? asked.hulls : rememberedHulls();
const state: State = {
  graph,
  shown: project(graph, asked.view, hulls),
  view: asked.view,
  hulls,
  q: asked.q,
  qError: null,
  requests: emptyRequests(),
  history: emptyHistory(),
  classes: new Map(),
  hidden: { packets: 0, errors: 0 },
  notices: emptyNotices(),
  filters: { classes: asked.classes },
  selection: null,
  panel: { kind: "none" },
  link: "connecting",
  linkReason: "",
  session: null,
  heardMs: null,
  paused: false,
  stretch: asked.stretch ?? rememberedStretch(),
  theme: rememberedTheme(),
};
/** Each view keeps its places; what was moved by hand is one for all. */
const memories: { servers: Memory } & Partial<Record<ViewMode, Memory>> = {
  servers: { ...emptyMemory(), moved: rememberedMoves() },
};
memories[state.view] ??= { ...emptyMemory(), moved: memories.servers.moved };

const container = h("main", { id: "graph", "data-testid": "graph", "aria-label": "Live graph of requests" });
container.setAttribute(
  "aria-description",
  "Arrow keys go from node to node, Enter opens one; l shows everything as a table",
);
const scene = new Scene(container, {
  hover: (target, x, y) => {
    scene.setHovered(target);
    container.classList.toggle("pointing", target !== null && target.kind !== "server");
    const header = target?.kind !== "server" || scene.overHeader(target.id, x, y);
    tip.show(header ? target : null, x, y);
  },
  click: (target) => {
    tip.show(null, 0, 0);
    app.select(same(meant(target), state.selection) ? null : target);
  },
  open: (target) => {
    const server = serverOf(target);
    app.select(null);
    if (server !== null) app.toggleHull(server);
    else if (target.kind === "node") scene.unfold(target.id);
  },
  drag: (target, dx, dy, done) => drag(target, dx, dy, done),
});

const app: App = {
  state,
  scene,
  select(target, center = false) {
    const selection = meant(target);
    state.selection = selection;
    app.openPanel(selection ? { kind: "selection" } : { kind: "none" });
    if (selection && center) centerOn(selection);
  },
  toggleHull(server) {
    if (state.view !== "servers") return;
    state.hulls = toggleHull(state.hulls, server, !state.shown.collapsed.has(server));
    rememberHulls(state.hulls);
    showGraph();
    updateViews();
  },
  setView(view) {
    if (view === state.view) return;
    state.view = view;
    scene.control.byHand = false;
    state.selection = null;
    memories[view] ??= { ...emptyMemory(), moved: memories.servers.moved };
    showGraph();
    app.openPanel(state.panel.kind === "selection" ? { kind: "none" } : state.panel);
  },
  setQuery(q) {
    state.q = q;
    state.qError = null;
    link.filter(q);
    updateViews();
  },
  openCall(id) {
    app.openPanel({ kind: "call", id, back: state.panel.kind === "selection" ? "selection" : "bad" });
  },
  openPanel(panel) {
    state.panel = panel;
    if (panel.kind !== "selection" && panel.kind !== "call") state.selection = null;
    focus();
    place(panel);
    updateViews();
  },
  toggleClass(which) {
    state.filters = toggle(state.filters, which);
    updateViews();
  },
  setPaused(paused) {
    state.paused = scene.paused = paused;
    if (!paused) showGraph();
    updateViews();
  },
  setStretch(stretch) {
    state.stretch = stretch;
    rememberStretch(stretch);
    updateViews();
  },
  setTheme(theme) {
    state.theme = theme;
    scene.setPalette(applyTheme(theme) ? DARK : LIGHT);
    updateViews();
  },
};

const help = helpDialog();
const tip = tooltip(app);
const top = topBar(app, help.toggle);
const panel = panelView(app);
const views = [top, panel, filterBar(app), statusBar(app), overlay(app), srTable(app)];

/** What a target of the hub's graph, or a closed hull's card, means in the picture. */
function meant(target: Selection | null): Selection | null {
  if (target?.kind !== "node") return target;
  const server = serverOfTotals(target.id) ?? null;
  if (server !== null) return { kind: "server", id: server };
  const shown = state.shown.shownAs.get(target.id);
  if (shown === undefined) return target;
  const closed = serverOfTotals(shown);
  if (closed === null) return { kind: "node", id: shown };
  app.toggleHull(closed);
  return target;
}

/** The hull that a target belongs to. */
function serverOf(target: Selection): string | null {
  if (target.kind === "server") return target.id;
  return target.kind === "node" ? serverOfTotals(target.id) : null;
}

const askForces = forces((places) => {
  memories.flat!.flat = places;
  if (state.view === "flat") relayout();
});

/** The layout's clock is the page's: it only decides when a hull has settled. */
function relayout(): void {
  const began = performance.now();
  scene.setLayout(arrange(state.shown, memories[state.view]!, began));
  scene.layoutMs = performance.now() - began;
  focus();
}

function focus(): void {
  scene.setFocus(state.selection, focusOf(state.shown, state.selection));
}

function show(): void {
  hiddenServers = goneFor(state.graph, GONE_HIDDEN_AFTER_MS).size;
  state.shown = project(state.graph, state.view, state.hulls);
  scene.setGraph(state.shown);
}

function showGraph(): void {
  show();
  relayout();
  if (state.view === "flat") askForces(forceInput(state.shown, memories.flat!));
}

function takeSnapshot(snapshot: Snapshot): void {
  state.heardMs = performance.now();
  const another = snapshot.q !== state.graph.q;
  state.graph = fromSnapshot(snapshot, state.graph);
  if (another) [state.history, state.classes] = [emptyHistory(), new Map()];
  state.requests = requestsFromSnapshot(snapshot);
  applyNotices(state.notices, snapshot.notices);
  rebase(state.history, countedTotals(state.graph), snapshot.time_ms);
  if (!state.paused) showGraph();
  if (!arrived) arrive();
  updateViews();
}

/** What the page's address asked for can be shown once the hub has told what there is. */
let arrived = false;
function arrive(): void {
  arrived = true;
  if (asked.select) state.selection = meant(selectionOf(state.graph, asked.select));
  const panel = panelOf(asked);
  if (panel.kind !== "selection" || state.selection) app.openPanel(panel);
  if (asked.camera) scene.lookFrom(asked.camera);
}

/** Servers that have left the picture. */
let hiddenServers = 0;

function takeFrame(frame: Frame): void {
  state.heardMs = performance.now();
  const matches = state.graph.matched?.size;
  const changes = applyFrame(state.graph, frame);
  count(state.history, countedTotals(state.graph), countedEdges(frame), frame.time_ms);
  countClasses(state.classes, frame.packets, frame.time_ms);
  state.hidden.packets += frame.hidden.packets;
  state.hidden.errors += frame.hidden.errors;
  applyCalls(state.requests, frame);
  applyNotices(state.notices, frame.notices);
  if (state.paused) return;
  const hidden = goneFor(state.graph, GONE_HIDDEN_AFTER_MS).size;
  if (changes.topology || hidden !== hiddenServers) showGraph();
  else if (changes.stats || changes.status) show();
  if (matches !== state.graph.matched?.size) focus();
  if (!document.hidden)
    state.hidden.packets += launch(scene, state.graph, state.filters, state.stretch, frame);
}

function drag(target: Selection, dx: number, dy: number, done: boolean): void {
  if (target.kind === "edge") return;
  const key = target.kind === "server" ? `hull:${target.id}` : target.id;
  const { moved } = memories.servers;
  const before = moved.get(key) ?? { dx: 0, dy: 0 };
  moved.set(key, { dx: before.dx + dx, dy: before.dy + dy });
  scene.control.byHand = true;
  relayout();
  if (done) rememberMoves(moved);
}

function centerOn(selection: Selection): void {
  const { layout } = scene.picture;
  const box =
    selection.kind === "server"
      ? layout.hulls.get(selection.id)
      : selection.kind === "node"
        ? layout.items.get(selection.id)
        : undefined;
  if (box) return scene.center(box.x + box.w / 2, box.y + box.h / 2);
  const track = selection.kind === "edge" ? layout.routes.get(selection.index)?.track : undefined;
  const i = track ? Math.floor(track.count / 2) : 0;
  if (track) scene.center(track.points[2 * i], track.points[2 * i + 1]);
}

/** Room for the bars, and for the panel where there is enough of it. */
function place(open: Panel): void {
  const beside = open.kind !== "none" && open.kind !== "table" && window.innerWidth > BESIDE_FROM_PX;
  scene.setInsets({ top: 92, bottom: 108, left: 28, right: beside ? PANEL_W + 24 : 28 });
}

function updateViews(): void {
  for (const view of views) view.update();
  keepAddress();
}

/** The address says what is shown; going back in the browser leaves the page, as from any other. */
function keepAddress(): void {
  if (!arrived) return;
  const query = toQuery(placeOf(state, scene));
  const now = window.location.search.slice(1);
  if (query !== now) history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
}

const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
const setStill = () => {
  scene.still = motion.matches;
};
motion.addEventListener("change", setStill);
setStill();
window
  .matchMedia("(prefers-color-scheme: light)")
  .addEventListener("change", () => app.setTheme(state.theme));
window.addEventListener("resize", () => place(state.panel));

document
  .getElementById("app")!
  .append(
    top.element,
    container,
    panel.element,
    ...views.slice(2).map((view) => view.element),
    tip.element,
    help.element,
    attachWalker(app, container, tip.show),
  );
app.setTheme(state.theme);
place(state.panel);
attachKeys(app, { focusSearch: top.focusSearch, toggleHelp: help.toggle });
installHooks(scene, app);
document.fonts.load('600 13px "Inter Variable"').then(() => scene.repaint());
window.setInterval(updateViews, UPDATE_MS);
askSession().then((session) => {
  state.session = session;
  updateViews();
});
const link = connectLive(liveUrl(window.location), state.q, {
  snapshot: takeSnapshot,
  frame: takeFrame,
  badQuery(message) {
    state.qError = `${message.text} (at character ${message.position + 1} of “${message.q}”)`;
    updateViews();
  },
  state(link, reason) {
    state.link = link;
    state.linkReason = reason;
  },
});
