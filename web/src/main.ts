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
import { fetchProblem } from "./backend/calls";
import { connectLive, type LiveHandlers, liveUrl } from "./backend/live";
import { askSession } from "./backend/session";
import { same } from "./render/frame";
import { DARK, LIGHT } from "./render/palette";
import { Scene } from "./render/scene";
import { toggle } from "./select/filters";
import { serverOfTotals, toggleHull } from "./select/project";
import type { Selection } from "./select/visible";
import { emptyNotices } from "./store/notices";
import { fromQuery } from "./view/address";
import { addressBar } from "./view/address_bar";
import type { App } from "./view/app";
import { h } from "./view/dom";
import { filterBar } from "./view/filters";
import { helpDialog } from "./view/help";
import { installHooks } from "./view/hooks";
import { Intake } from "./view/intake";
import { attachKeys } from "./view/keys";
import { overlay } from "./view/overlay";
import { panelView } from "./view/panel";
import { Picture } from "./view/picture";
import { panelOf, selectionOf } from "./view/place";
import { rememberHulls, rememberStretch } from "./view/remember";
import { replayBar } from "./view/replay_bar";
import { requestsPage } from "./view/requests_page";
import { initialState } from "./view/state";
import { statusBar } from "./view/statusbar";
import { srTable } from "./view/table";
import { applyTheme } from "./view/theme";
import { tooltip } from "./view/tooltip";
import { topBar } from "./view/topbar";
import { attachWalker } from "./view/walker";

const UPDATE_MS = 250;

const asked = fromQuery(window.location.search);
const state = initialState(asked);

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
  drag: (target, dx, dy, done) => picture.drag(target, dx, dy, done),
});
const picture = new Picture(state, scene);
const intake = new Intake(state, scene, picture);
const keepAddress = addressBar(state, scene);

const app: App = {
  state,
  scene,
  select(target, center = false) {
    const selection = meant(target);
    state.selection = selection;
    app.openPanel(selection ? { kind: "selection" } : { kind: "none" });
    if (selection && center) picture.centerOn(selection);
  },
  toggleHull(server) {
    if (state.view !== "servers") return;
    state.hulls = toggleHull(state.hulls, server, !state.shown.collapsed.has(server));
    rememberHulls(state.hulls);
    picture.showGraph();
    updateViews();
  },
  setView(view) {
    state.page = "graph";
    if (view === state.view) return updateViews();
    state.view = view;
    scene.control.byHand = false;
    state.selection = null;
    picture.showGraph();
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
    picture.focus();
    picture.place(panel);
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
  nowMs: () => Date.now() + intake.hubAheadMs,
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
    if (!paused) picture.showGraph();
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

/** What the page's address asked for can be shown once the hub has told what there is. */
let arrived = false;
function arrive(): void {
  arrived = true;
  if (asked.select) state.selection = meant(selectionOf(state.graph, asked.select));
  const panel = panelOf(asked);
  if (panel.kind !== "selection" || state.selection) app.openPanel(panel);
  if (asked.camera) scene.lookFrom(asked.camera);
}

function updateViews(): void {
  for (const view of views) view.update();
  if (arrived) keepAddress();
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
window.addEventListener("resize", () => picture.place(state.panel));

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
picture.place(state.panel);
attachKeys(app, { focusSearch: top.focusSearch, toggleHelp: help.toggle });
installHooks(scene, app);
document.fonts.load('600 13px "Inter Variable"').then(() => scene.repaint());
window.setInterval(updateViews, UPDATE_MS);
askSession().then((session) => {
  state.session = session;
  updateViews();
});
const handlers: LiveHandlers = {
  snapshot(snapshot) {
    intake.takeSnapshot(snapshot);
    if (!arrived) arrive();
    updateViews();
  },
  frame: (frame) => intake.takeFrame(frame),
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
