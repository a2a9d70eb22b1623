/** The bottom bar: pause, the timeline since opening, the stretch, and what may be claimed. */
import { CircleCheck, Maximize, Pause, Play, TriangleAlert } from "lucide";
import { STRETCH_CHOICES, STRETCH_DEFAULT } from "../defaults";
import { clock, grouped, ms, plural, rate } from "../render/format";
import { iconElement } from "../render/icons";
import { stretchText } from "../render/stretch";
import { account } from "./account";
import type { App, State, View } from "./app";
import { button, h, setText } from "./dom";
import { timelineChart } from "./timeline";

export function statusBar(app: App): View {
  const pause = button(
    Pause,
    "",
    "Pause the picture (space)",
    () => app.setPaused(!app.state.paused),
    "pause",
  );
  const chart = timelineChart(app);
  const stretch = stretchControl(app);
  const claims = claimsBlock();
  const reader = account(app);
  const now = h("b", {}, "");
  const sub = h("span", {}, "now");
  const element = h(
    "footer",
    { class: "bar statusbar", "data-testid": "status-bar" },
    pause,
    h("div", { class: "stack" }, h("span", {}, "Since opened"), chart.span),
    chart.element,
    h("div", { class: "stack clock" }, now, sub),
    stretch.element,
    claims.element,
    reader.element,
    button(Maximize, "", "Fit everything (0)", () => app.scene.fit(true), "square"),
  );
  let shownPaused: boolean | null = null;
  const update = () => {
    const { state } = app;
    if (shownPaused !== state.paused) {
      shownPaused = state.paused;
      pause.replaceChildren(iconElement(state.paused ? Play : Pause, 18));
      pause.setAttribute("aria-pressed", String(state.paused));
      pause.classList.toggle("on", state.paused);
      setText(sub, state.paused ? "picture paused" : "now");
    }
    if (!state.paused && state.graph.timeMs) setText(now, clock(state.graph.timeMs));
    chart.update();
    stretch.update();
    claims.update(state);
    reader.update();
  };
  return { element, update };
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

/** The two lines of the status: never more than the hub knows. */
export function claims(state: Pick<State, "graph" | "link" | "hidden">): {
  first: string;
  second: string;
  title: string;
  exact: boolean;
} {
  const { graph, link } = state;
  const { status } = graph;
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
