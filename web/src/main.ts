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
import { connectLive, liveUrl } from "./backend/live";
import { askSession } from "./backend/session";
import { STRETCH_CHOICES, STRETCH_DEFAULT } from "./defaults";
import { arrange } from "./layout/arrange";
import { emptyMemory, type Memory } from "./layout/model";
import { DARK, LIGHT } from "./render/palette";
import { Scene } from "./render/scene";
import { ALL, shows, toggle } from "./select/filters";
import { focusOf, type Selection } from "./select/visible";
import { applyFrame, emptyGraph, fromSnapshot, NO_FIGURES } from "./store/graph";
import { count, emptyHistory, rebase } from "./store/history";
import { applyNotices, emptyNotices } from "./store/notices";
import { applyCalls, emptyRequests, requestsFromSnapshot } from "./store/requests";
import type { App, Panel, State } from "./view/app";
import { h } from "./view/dom";
import { helpDialog } from "./view/help";
import { installHooks } from "./view/hooks";
import { attachKeys } from "./view/keys";
import { overlay } from "./view/overlay";
import { panelView } from "./view/panel";
import { statusBar } from "./view/statusbar";
import { srTable } from "./view/table";
import { applyTheme, read, rememberedTheme, write } from "./view/theme";
import { tooltip } from "./view/tooltip";
import { topBar } from "./view/topbar";

const UPDATE_MS = 250;
const MOVED_KEY = "hopwatch.moved";
const STRETCH_KEY = "hopwatch.stretch";
const PANEL_W = 396;

const state: State = {
  graph: emptyGraph(),
  requests: emptyRequests(),
  history: emptyHistory(),
  notices: emptyNotices(),
  filters: ALL,
  selection: null,
  panel: { kind: "none" },
  link: "connecting",
  linkReason: "",
  session: null,
  heardMs: null,
  paused: false,
  stretch: STRETCH_CHOICES.find((n) => String(n) === read(STRETCH_KEY)) ?? STRETCH_DEFAULT,
  theme: rememberedTheme(),
};
const memory = emptyMemory();
memory.moved = readMoved();

const container = h("main", { id: "graph", "data-testid": "graph", "aria-label": "Live graph of requests" });
const scene = new Scene(container, {
  hover: (target, x, y) => {
    scene.setHovered(target);
    container.classList.toggle("pointing", target !== null && target.kind !== "server");
    tip.show(target, x, y);
  },
  click: (target) => {
    tip.show(null, 0, 0);
    app.select(same(target, state.selection) ? null : target);
  },
  drag: (target, dx, dy, done) => drag(target, dx, dy, done),
});

const app: App = {
  state,
  scene,
  select(selection, center = false) {
    state.selection = selection;
    app.openPanel(selection ? { kind: "selection" } : { kind: "none" });
    if (selection && center) centerOn(selection);
  },
  openCall(id) {
    app.openPanel({ kind: "call", id, back: state.panel.kind === "selection" ? "selection" : "bad" });
  },
  openPanel(panel) {
    state.panel = panel;
    if (panel.kind !== "selection" && panel.kind !== "call") state.selection = null;
    scene.setFocus(state.selection, focusOf(state.graph, state.selection));
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
    write(STRETCH_KEY, String(stretch));
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
const views = [top, panel, statusBar(app), overlay(app), srTable(app)];

function same(a: Selection | null, b: Selection | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What another release stored may not be readable; then nothing was moved. */
function readMoved(): Memory["moved"] {
  try {
    return new Map(JSON.parse(read(MOVED_KEY) ?? "[]"));
  } catch {
    return new Map();
  }
}

/** The layout's clock is the page's: it only decides when a hull has settled. */
function relayout(): void {
  scene.setLayout(arrange(state.graph, memory, performance.now()));
  scene.setFocus(state.selection, focusOf(state.graph, state.selection));
}

function showGraph(): void {
  scene.setGraph(state.graph);
  relayout();
}

function takeSnapshot(snapshot: Snapshot): void {
  state.heardMs = performance.now();
  state.graph = fromSnapshot(snapshot);
  state.requests = requestsFromSnapshot(snapshot);
  applyNotices(state.notices, snapshot.notices);
  rebase(state.history, state.graph.totals, snapshot.time_ms);
  if (!state.paused) showGraph();
  updateViews();
}

function takeFrame(frame: Frame): void {
  state.heardMs = performance.now();
  const changes = applyFrame(state.graph, frame);
  count(state.history, state.graph.totals, frame.totals.edge, frame.time_ms);
  applyCalls(state.requests, frame);
  applyNotices(state.notices, frame.notices);
  if (state.paused) return;
  if (changes.topology) relayout();
  if (changes.stats || changes.status) scene.setGraph(state.graph);
  if (!document.hidden) launch(frame);
}

/** Each packet starts where it would be if it had started when its request was completed. */
function launch(frame: Frame): void {
  const { packets } = frame;
  const { routes } = scene.picture.layout;
  for (let i = 0; i < packets.edge.length; i++) {
    const route = routes.get(packets.edge[i]);
    const ok = packets.ok[i] === 1;
    if (!route || !shows(state.filters, packets.status[i], ok)) continue;
    const figures = state.graph.edgeFigures.get(packets.edge[i]) ?? NO_FIGURES;
    const request = {
      ok,
      durationMs: packets.duration_ms[i],
      agoMs: Math.min(200, Math.max(0, packets.end_ms[i])),
      completedAtMs: frame.time_ms - packets.end_ms[i],
    };
    scene.packets.add(route, scene.nowMs, request, figures.rate, state.stretch, scene.still);
  }
}

function drag(target: Selection, dx: number, dy: number, done: boolean): void {
  if (target.kind === "edge") return;
  const key = target.kind === "server" ? `hull:${target.id}` : target.id;
  const moved = memory.moved.get(key) ?? { dx: 0, dy: 0 };
  memory.moved.set(key, { dx: moved.dx + dx, dy: moved.dy + dy });
  scene.control.byHand = true;
  relayout();
  if (done) write(MOVED_KEY, JSON.stringify([...memory.moved]));
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
  const beside = open.kind !== "none" && window.innerWidth > 900;
  scene.setInsets({ top: 92, bottom: 108, left: 28, right: beside ? PANEL_W + 24 : 28 });
}

function updateViews(): void {
  for (const view of views) view.update();
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
  );
app.setTheme(state.theme);
place(state.panel);
attachKeys(app, { focusSearch: top.focusSearch, toggleHelp: help.toggle });
installHooks(scene);
document.fonts.load('600 13px "Inter Variable"').then(() => scene.repaint());
window.setInterval(updateViews, UPDATE_MS);
askSession().then((session) => {
  state.session = session;
  updateViews();
});
connectLive(liveUrl(window.location), {
  snapshot: takeSnapshot,
  frame: takeFrame,
  state(link, reason) {
    state.link = link;
    state.linkReason = reason;
  },
});
