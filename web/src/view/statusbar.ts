/** The bottom bar: pause, the timeline of the kept history, the stretch, and what may be claimed. */
import { CircleCheck, Maximize, Pause, Play, TriangleAlert } from "lucide";
import type { Course } from "../backend/live";
import { SPARK_S, STRETCH_CHOICES, STRETCH_DEFAULT } from "../defaults";
import { clock, grouped, ms, plural, rate } from "../render/format";
import { iconElement } from "../render/icons";
import { stretchText } from "../render/stretch";
import { account } from "./account";
import type { App, State, View } from "./app";
import { button, h, setText } from "./dom";
import { speedText } from "./replay_bar";
import { timelineView } from "./timeline";
import { dayClock } from "./when";

export function statusBar(app: App): View {
  const pause = button(
    Pause,
    "",
    "Pause the picture (space)",
    () => app.setPaused(!stands(app.state)),
    "pause",
  );
  const timeline = timelineView(app);
  const stretch = stretchControl(app);
  const claims = claimsBlock();
  const reader = account(app);
  const now = h("b", {}, "");
  const sub = h("span", {}, "now");
  const element = h(
    "footer",
    { class: "bar statusbar", "data-testid": "status-bar" },
    pause,
    timeline.spans,
    timeline.element,
    timeline.zoom,
    h("div", { class: "stack clock" }, now, sub),
    stretch.element,
    claims.element,
    reader.element,
    button(Maximize, "", "Fit everything (0)", () => app.scene.fit(true), "square"),
  );
  let shownPaused: boolean | null = null;
  const update = () => {
    const { state } = app;
    const paused = stands(state);
    if (shownPaused !== paused) {
      shownPaused = paused;
      pause.replaceChildren(iconElement(paused ? Play : Pause, 18));
      pause.setAttribute("aria-pressed", String(paused));
      pause.classList.toggle("on", paused);
    }
    setText(sub, state.course ? "replay" : paused ? "picture paused" : "now");
    element.dataset.mode = state.course ? "replay" : "live";
    if (!state.paused && state.graph.timeMs) setText(now, clock(state.graph.timeMs));
    timeline.update();
    stretch.update();
    claims.update(state);
    reader.update();
  };
  return { element, update };
}

/** Whether the picture, or the replay, stands still. */
function stands({ paused, course }: State): boolean {
  return course ? course.paused : paused;
}

function stretchControl(app: App): View {
  const select = h(
    "select",
    { id: "stretch", "data-testid": "stretch", "aria-describedby": "stretch-text" },
    ...STRETCH_CHOICES.map((n) =>
      h("option", { value: n }, n === 0 ? "off" : `×${n}${n === STRETCH_DEFAULT ? " (default)" : ""}`),
    ),
  );
  const text = h("span", { id: "stretch-text" });
  select.addEventListener("change", () => app.setStretch(Number(select.value)));
  const element = h(
    "div",
    { class: "stack stretch", title: "How much longer a request is shown than it took; at most 6 s" },
    h("label", { for: "stretch" }, "Stretch time ", select),
    text,
  );
  const update = () => {
    if (select.value !== String(app.state.stretch)) select.value = String(app.state.stretch);
    setText(text, stretchText(app.state.stretch));
  };
  return { element, update };
}

function claimsBlock() {
  const first = h("span");
  const second = h("span");
  const sign = h("span", { class: "sign" });
  const element = h(
    "div",
    { class: "claims", role: "status" },
    sign,
    h("div", { class: "stack" }, first, second),
  );
  let exact: boolean | null = null;
  const update = (state: State) => {
    const words = claims(state);
    if (exact !== words.exact) {
      exact = words.exact;
      sign.replaceChildren(iconElement(exact ? CircleCheck : TriangleAlert, 16));
      element.classList.toggle("amber", !exact);
    }
    element.title = words.title;
    setText(first, words.first);
    setText(second, words.second);
  };
  return { element, update };
}

/** What a frame's bound kept out is said, never left out silently. */
function boundText({ packets, errors }: State["hidden"]): string {
  const parts = [
    packets && `${grouped(packets)} not drawn`,
    errors && `${grouped(errors)} bad ones not listed`,
  ];
  return parts.filter(Boolean).join(", ");
}

function replayClaims(
  course: Course,
  { graph, link, hidden, history }: Pick<State, "graph" | "link" | "hidden" | "history">,
) {
  const first = `Replay of ${dayClock(graph.timeMs || course.atMs)} at ${speedText(course.speed)}`;
  const second =
    link === "live"
      ? ["not what happens now", countedSince(history), boundText(hidden)].filter(Boolean).join(" · ")
      : "No connection to the hub";
  return { first, second, title: `${first}; ${second}`, exact: false };
}

/** The hub counts anew where a replay begins: for a minute, figures are of less than they claim. */
function countedSince({ openedAtS, nowS }: State["history"]): string {
  return openedAtS !== null && nowS - openedAtS < SPARK_S ? `figures since ${clock(openedAtS * 1000)}` : "";
}

/** The two lines of the status: never more than the hub knows. */
export function claims(state: Pick<State, "graph" | "link" | "hidden" | "course" | "history">): {
  first: string;
  second: string;
  title: string;
  exact: boolean;
} {
  const { graph, link } = state;
  const { status } = graph;
  if (state.course) return replayClaims(state.course, state);
  if (!status) return { first: "No word from the hub yet", second: "", title: "", exact: false };
  if (link !== "live") {
    const text = `Figures are of ${clock(graph.timeMs)}; what came since is not shown`;
    return { first: "No connection to the hub", second: text, title: text, exact: false };
  }
  const connected = status.servers.filter((server) => server.connected).length;
  const lags = status.servers.flatMap((server) => server.lag_ms ?? []);
  const first = [
    `${connected} of ${plural(status.servers.length, "server")}`,
    lags.length ? `lag ${ms(Math.max(...lags))}` : "",
    `${rate(status.shown_per_s)}/s shown, ${rate(status.received_per_s)} lines/s received`,
  ];
  const bounded = boundText(state.hidden);
  const counts = `${grouped(status.malformed)} malformed · ${grouped(status.missing)} missing`;
  const exact = status.exact ? "exact" : (status.reason ?? "not exact");
  const second = [counts, bounded, exact].filter(Boolean).join(" · ");
  return {
    first: first.filter(Boolean).join(" · "),
    second,
    title: status.exact
      ? "Every line read is in exactly one call"
      : `Not exact: ${status.reason ?? "reason unknown"}`,
    exact: status.exact,
  };
}
