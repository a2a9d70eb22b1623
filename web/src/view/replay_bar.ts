/** What says unmistakably that the past is shown: the moment, the speed, and the way back to now. */
import { FastForward, History, Pause, Play } from "lucide";
import { SPEEDS } from "../defaults";
import { iconElement } from "../render/icons";
import type { App, View } from "./app";
import { button, h, setText } from "./dom";
import { dayText } from "./when";

export function replayBar(app: App): View {
  const day = h("span", { class: "replay-day" });
  const time = h("b", { class: "replay-clock", "data-testid": "replay-clock" });
  const word = h("span", { class: "replay-word" }, "REPLAY");
  const pause = button(Pause, "", "Pause the replay (space)", () => app.setPaused(!paused()), "square");
  const speeds = SPEEDS.map((speed) =>
    h("button", { type: "button", onclick: () => app.replay({ speed }) }, speedText(speed)),
  );
  const element = h(
    "section",
    { class: "replay-bar", "aria-label": "Replay", hidden: true, "data-testid": "replay-bar" },
    h("span", { class: "replay-sign" }, iconElement(History, 16), word),
    h("span", { class: "replay-moment" }, day, time),
    pause,
    h("div", { class: "modes speeds", role: "group", "aria-label": "Speed" }, ...speeds),
    button(
      FastForward,
      "Now",
      "Back to now: what happens live (.)",
      () => app.replay(null),
      "primary back-to-now",
    ),
  );
  const paused = () => app.state.course?.paused ?? false;
  let shown: boolean | null = null;
  const update = () => {
    const { course, graph } = app.state;
    element.hidden = course === null;
    document.documentElement.dataset.mode = course ? "replay" : "live";
    if (!course) return;
    const date = new Date(graph.timeMs || course.atMs);
    setText(day, dayText(date));
    setText(time, date.toLocaleTimeString([], { hourCycle: "h23" }));
    setText(word, ended(app) ? "REPLAY ENDED" : course.paused ? "REPLAY PAUSED" : "REPLAY");
    speeds.forEach((b, i) => {
      b.setAttribute("aria-pressed", String(SPEEDS[i] === course.speed));
    });
    if (shown === course.paused) return;
    shown = course.paused;
    pause.replaceChildren(iconElement(course.paused ? Play : Pause, 16));
    pause.setAttribute("aria-label", course.paused ? "Go on (space)" : "Pause the replay (space)");
  };
  return { element, update };
}

/** The stretch that was asked for is over. */
export function ended({ state: { course, graph } }: App): boolean {
  return course !== null && course.untilMs !== null && graph.timeMs >= course.untilMs;
}

export function speedText(speed: number): string {
  const fraction = speed === 0.25 ? "¼" : speed === 0.5 ? "½" : String(speed);
  return `${fraction}×`;
}
