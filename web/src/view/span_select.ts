/** How long a time the timeline shows, and since when history is kept. */
import { between, edges } from "../store/span";
import type { App, View } from "./app";
import { h, setText } from "./dom";
import { dayClock } from "./when";

const CHOICES: [seconds: number, text: string][] = [
  [300, "last 5 min"],
  [900, "last 15 min"],
  [1800, "last 30 min"],
  [3600, "last hour"],
  [21_600, "last 6 h"],
  [86_400, "last day"],
  [604_800, "last 7 days"],
];

export function spanSelect(app: App): View {
  const { timeline } = app.state;
  const other = h("option", { value: "" }, "");
  const select = h(
    "select",
    { "aria-label": "How long a time the timeline shows", "data-testid": "span" },
    ...CHOICES.map(([s, text]) => h("option", { value: s }, text)),
    h("option", { value: "all" }, "all that is kept"),
    other,
  );
  const kept = h("span");
  const element = h("div", { class: "stack span" }, select, kept);
  select.addEventListener("change", () => {
    const nowS = app.nowMs() / 1000;
    timeline.own = false;
    if (select.value === "all") timeline.span = between(timeline.beginS ?? nowS - 300, nowS, nowS);
    else if (select.value) timeline.span = { lengthS: Number(select.value), toS: null };
    app.update();
  });
  const update = () => {
    const { span, beginS, error } = timeline;
    const known = span.toS === null && CHOICES.some(([s]) => s === span.lengthS);
    const { fromS, toS } = edges(span, app.nowMs() / 1000);
    if (!known)
      setText(other, span.toS === null ? `last ${lengthText(span.lengthS)}` : rangeText(fromS, toS));
    other.hidden = known;
    const value = known ? String(span.lengthS) : "";
    if (select.value !== value && document.activeElement !== select) select.value = value;
    element.classList.toggle("amber-text", error !== "");
    setText(kept, error || (beginS === null ? "nothing kept yet" : `kept since ${dayClock(beginS * 1000)}`));
    kept.title = error || "Before this, nothing is kept";
  };
  return { element, update };
}

function rangeText(fromS: number, toS: number): string {
  return `${dayClock(fromS * 1000)} – ${dayClock(toS * 1000)}`;
}

export function lengthText(s: number): string {
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} days`;
}
