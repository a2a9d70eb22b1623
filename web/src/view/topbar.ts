/** The top bar: search, status chips, bad requests, notices, totals, and whether this is live. */
import { Bell, CircleAlert, Keyboard, List, Monitor, Moon, Sun, Table } from "lucide";
import { STALE_AFTER_MS } from "../defaults";
import { grouped, rate } from "../render/format";
import { iconElement } from "../render/icons";
import type { StatusClass } from "../select/filters";
import type { App, State, View } from "./app";
import { button, h, setText } from "./dom";
import { filterMenu, noiseToggle } from "./filters";
import { modeSwitch } from "./modes";
import { speedText } from "./replay_bar";
import { searchBox } from "./search";
import { THEMES } from "./theme";

const CHIPS: [StatusClass, string, string][] = [
  ["ok", "2xx·3xx", "ok"],
  ["4xx", "4xx", "bad"],
  ["5xx", "5xx", "bad"],
];

export function topBar(app: App, openHelp: () => void): View & { focusSearch(): void } {
  const search = searchBox(app);
  const chips = CHIPS.map(([which, text, tone]) => chip(app, which, text, tone));
  const [noise, filter, modes] = [noiseToggle(app), filterMenu(app), modeSwitch(app)];
  const bad = counter(CircleAlert, "Bad requests", "Bad", "bad-requests-toggle", () =>
    app.openPanel({ kind: "bad" }),
  );
  const notices = counter(Bell, "Notices", "Notices", "notices-toggle", () =>
    app.openPanel({ kind: "notices" }),
  );
  const totals = figures();
  const live = liveState();
  const theme = themeToggle(app);
  const table = button(
    Table,
    "",
    "Everything as a table (l)",
    () => app.openPanel({ kind: "table" }),
    "square table-toggle",
  );
  const list = button(
    List,
    "",
    "The requests as a list, and back (r)",
    () => (app.state.page === "graph" ? app.showRequests() : app.showGraph()),
    "square list-toggle",
  );
  const element = h(
    "header",
    { class: "bar topbar" },
    h("a", { class: "logo", href: "/", "aria-label": "Hopwatch" }, logo(), h("span", {}, "hopwatch")),
    search.element,
    h(
      "div",
      { class: "chips", role: "group", "aria-label": "Status classes shown" },
      ...chips.map((c) => c.element),
      noise.element,
    ),
    filter.element,
    bad.element,
    notices.element,
    modes.element,
    h("span", { class: "spacer" }),
    totals.element,
    live.element,
    theme.element,
    list,
    table,
    button(Keyboard, "", "Keys and legend (?)", openHelp, "square"),
  );
  const update = () => {
    const { state } = app;
    for (const c of [...chips, noise, filter, modes]) c.update();
    list.setAttribute("aria-expanded", String(state.page === "requests"));
    table.setAttribute("aria-expanded", String(state.panel.kind === "table"));
    bad.set(state.requests.errorsSeen, state.panel.kind === "bad", state.requests.errorsSeen > 0);
    notices.set(
      state.notices.list.filter((notice) => notice.ended === null).length,
      state.panel.kind === "notices",
      state.notices.unread.size > 0,
    );
    totals.update(state);
    live.update(state);
    theme.update();
  };
  return { element, update, focusSearch: search.focus };
}

function logo(): HTMLElement {
  return h("img", { src: "/favicon.svg", alt: "", width: 24, height: 24 });
}

function chip(app: App, which: StatusClass, text: string, tone: string): View {
  const element = h(
    "button",
    { type: "button", class: `button chip ${tone}`, onclick: () => app.toggleClass(which) },
    h("span", { class: `mark ${tone}` }),
    h("span", {}, text),
  );
  const update = () => {
    const on = app.state.filters.classes.has(which);
    element.setAttribute("aria-pressed", String(on));
    element.title = `${on ? "Hide" : "Show"} ${text} as packets and in lists; figures always count all`;
  };
  return { element, update };
}

function counter(icon: typeof Bell, label: string, text: string, testId: string, onclick: () => void) {
  const badge = h("span", { class: "badge" });
  const element = h(
    "button",
    { type: "button", class: "button counter", "data-testid": testId, title: label, onclick },
    iconElement(icon, 15),
    h("span", { class: "counter-text" }, text),
    " ",
    badge,
  );
  const set = (count: number, open: boolean, loud: boolean) => {
    setText(badge, count > 999 ? "999+" : String(count));
    element.setAttribute("aria-label", `${text} ${badge.textContent}: ${label.toLowerCase()}`);
    badge.classList.toggle("loud", loud);
    element.setAttribute("aria-expanded", String(open));
  };
  return { element, set };
}

function figures() {
  const [perSecond, errors, p95] = [h("b"), h("b"), h("b")];
  const element = h(
    "div",
    { class: "totals", "aria-label": "Totals of the last seconds" },
    h("span", {}, perSecond, " req/s"),
    h("span", {}, errors, " % err"),
    h("span", {}, p95, " ms p95"),
  );
  const update = ({ graph }: State) => {
    const { whole } = graph;
    setText(perSecond, rate(whole.rate));
    setText(errors, (whole.error_share * 100).toFixed(1));
    errors.classList.toggle("bad-text", whole.error_share > 0);
    setText(
      p95,
      whole.p95_ms === null ? "–" : whole.p95_ms < 10 ? whole.p95_ms.toFixed(1) : grouped(whole.p95_ms),
    );
  };
  return { element, update };
}

function liveState() {
  const text = h("span");
  const element = h("div", { class: "live", "data-testid": "live-state", role: "status" }, h("i", {}), text);
  const update = (state: State) => {
    const { tone, words } = liveWords(state, performance.now());
    element.dataset.state = tone;
    element.title = state.linkReason;
    setText(text, words);
  };
  return { element, update };
}

/** What may be claimed: LIVE only while messages come. */
export function liveWords(
  state: Pick<State, "link" | "heardMs" | "paused" | "course">,
  nowMs: number,
): { tone: string; words: string } {
  const silentMs = state.heardMs === null ? null : nowMs - state.heardMs;
  if (state.link !== "live") {
    const words = state.heardMs === null && state.link === "connecting" ? "CONNECTING" : "RECONNECTING";
    return { tone: "lost", words };
  }
  if (state.course) {
    return {
      tone: "replay",
      words: state.course.paused ? "REPLAY PAUSED" : `REPLAY ${speedText(state.course.speed)}`,
    };
  }
  if (silentMs !== null && silentMs > STALE_AFTER_MS) {
    return { tone: "stale", words: `STALE ${Math.round(silentMs / 1000)} s` };
  }
  return state.paused ? { tone: "paused", words: "PAUSED" } : { tone: "live", words: "LIVE" };
}

function themeToggle(app: App): View {
  const icons = { system: Monitor, dark: Moon, light: Sun };
  const element = button(Monitor, "", "Theme", () => app.setTheme(nextTheme(app.state.theme)), "square");
  element.dataset.testid = "theme-toggle";
  let shown = "";
  const update = () => {
    const { theme } = app.state;
    if (shown === theme) return;
    shown = theme;
    element.replaceChildren(iconElement(icons[theme], 16));
    element.title = `Theme: ${theme} (t)`;
    element.setAttribute("aria-label", `Theme: ${theme}. Press to change`);
  };
  return { element, update };
}

export function nextTheme(theme: State["theme"]): State["theme"] {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
}
