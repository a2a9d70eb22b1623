/** What may be done with a stretch of time that was selected on the timeline. */
import { List, Play, X, ZoomIn } from "lucide";
import { plural } from "../render/format";
import { between } from "../store/span";
import { type Range, within } from "../store/timeline";
import type { App } from "./app";
import { button, h, setText } from "./dom";
import { dayClock } from "./when";

export interface RangeMenu {
  element: HTMLElement;
  update(range: Range | null, xOf: (s: number) => number): void;
}

export function rangeMenu(app: App): RangeMenu {
  const { timeline } = app.state;
  const text = h("span", { class: "range-text" });
  const close = () => {
    timeline.range = null;
    app.update();
  };
  const act = (run: (range: Range) => void) => () => {
    if (timeline.range) run(timeline.range);
    close();
  };
  const element = h(
    "div",
    {
      class: "range-menu",
      role: "group",
      "aria-label": "The selected time",
      hidden: true,
      "data-testid": "range-menu",
    },
    text,
    button(
      List,
      "Requests",
      "List the requests of this time",
      act(({ fromS, toS }) =>
        app.showRequests({ sinceMs: Math.floor(fromS * 1000), untilMs: Math.ceil(toS * 1000) }),
      ),
    ),
    button(
      Play,
      "Replay",
      "Replay this time",
      act(({ fromS, toS }) => app.replay({ atMs: fromS * 1000, untilMs: toS * 1000 })),
    ),
    button(
      ZoomIn,
      "Zoom",
      "Show this time only",
      act(({ fromS, toS }) => {
        timeline.span = between(fromS, toS, app.nowMs() / 1000);
        timeline.own = false;
      }),
    ),
    button(X, "", "Let the selection go (Esc)", close, "square"),
  );
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  const update = (range: Range | null, xOf: (s: number) => number) => {
    element.hidden = range === null;
    if (!range) return;
    const { calls, errors } = within(timeline.bars, range);
    const figures = `≈ ${plural(calls, "call")}${errors > 0 ? `, ${plural(errors, "error")}` : ""}`;
    setText(text, `${dayClock(range.fromS * 1000)} – ${dayClock(range.toS * 1000)} · ${figures}`);
    element.style.setProperty("--at", `${(xOf(range.fromS) + xOf(range.toS)) / 2}px`);
    keepInside(element);
  };
  return { element, update };
}

/** Moves it back into the window where it would reach out of it. */
function keepInside(element: HTMLElement): void {
  element.style.setProperty("--shift", "0px");
  const { left, right } = element.getBoundingClientRect();
  const shift = left < 8 ? 8 - left : Math.min(0, window.innerWidth - 8 - right);
  if (shift !== 0) element.style.setProperty("--shift", `${shift}px`);
}
