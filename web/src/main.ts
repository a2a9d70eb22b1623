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
import "./style/list.css";
import "./style/replay.css";
import type { Frame, Snapshot } from "#forms";
import { fetchProblem } from "./backend/calls";
import { forces } from "./backend/forces";
import { connectLive, type LiveHandlers, liveUrl } from "./backend/live";
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
import { emptyTimeline } from "./store/timeline";
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
import { replayBar } from "./view/replay_bar";
import { requestsPage } from "./view/requests_page";
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
  course: asked.course,
  timeline: emptyTimeline(),
  page: asked.page,
  window: asked.window,
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
    state.page = "graph";
    if (view === state.view) return updateViews();
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
    if (state.course) void filterReplay(q);
    else link.filter(q);
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
  replay(change) {
    if (change === null && state.course === null) return;
    const before = state.course;
    state.course = change && { ...(before ?? { ...COURSE, atMs: app.nowMs() }), ...change };
    if (state.paused) state.paused = scene.paused = false;
    if (!before || !state.course || change?.untilMs !== undefined) {
      [state.notices, state.heardMs] = [emptyNotices(), null];
      link.replay(state.course);
    } else link.steer(change!);
    updateViews();
  },
  nowMs: () => Date.now() + hubAheadMs,
  showRequests(window) {
    state.page = "requests";
    if (window) state.window = window;
    updateViews();
  },
  showGraph() {
    state.page = "graph";
    updateViews();
  },
  update: () => updateViews(),
  setPaused(paused) {
    if (state.course) return app.replay({ paused });
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
const views = [
  top,
  panel,
  requestsPage(app),
  filterBar(app),
  statusBar(app),
  replayBar(app),
  overlay(app),
  srTable(app),
];

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

/** How a replay goes where nothing else is said. */
const COURSE = { untilMs: null, speed: 1, paused: false } as const;

/** The hub refuses a replay with a wrong query without a word: it is asked first what it thinks of it. */
async function filterReplay(q: string): Promise<void> {
  const problem = await fetchProblem({ q });
  if (q !== state.q) return;
  state.qError = problem;
  if (problem === null) link.filter(q);
  updateViews();
}

/** The hub's clock minus this browser's, in ms; told by live messages. */
let hubAheadMs = 0;

/** What a message tells of the time. */
function heard(timeMs: number): void {
  state.heardMs = performance.now();
  if (state.course) state.course.atMs = timeMs;
  else hubAheadMs = timeMs - Date.now();
}

function takeSnapshot(snapshot: Snapshot): void {
  heard(snapshot.time_ms);
  // Time goes backwards where a replay begins or is sought: what was counted is of another time.
  const another =
    snapshot.q !== state.graph.q || state.course !== null || snapshot.time_ms < state.graph.timeMs;
  state.graph = fromSnapshot(snapshot, state.course ? undefined : state.graph);
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
  heard(frame.time_ms);
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
  if (!document.hidden && state.page === "graph")
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
  if (query === now) return;
  // Browsers bound how often an address may change; a replay's does with every second.
  if (state.course && performance.now() - addressedMs < ADDRESS_EVERY_MS) return;
  addressedMs = performance.now();
  history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
}

const ADDRESS_EVERY_MS = 1000;
let addressedMs = Number.NEGATIVE_INFINITY;

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
const handlers: LiveHandlers = {
  snapshot: takeSnapshot,
  frame: takeFrame,
  badQuery(message) {
    state.qError = `${message.text} (at character ${message.position + 1} of “${message.q}”)`;
    updateViews();
  },
  state(link, reason) {
    if (link === "lost" && state.course) void whyLost();
    state.link = link;
    state.linkReason = reason;
  },
};
const link = connectLive(liveUrl(window.location), state.q, handlers, state.course);

/** A replay that the hub refuses cannot say why; most often its query is wrong. */
async function whyLost(): Promise<void> {
  const problem = state.q === "" ? null : await fetchProblem({ q: state.q });
  if (problem === null || state.qError !== null) return;
  state.qError = problem;
  link.filter("");
}
