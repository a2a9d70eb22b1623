/** Calls and errors a second as bars, from what came in since the page was opened. */
import { scaleSqrt } from "d3-scale";
import { TIMELINE_S } from "../defaults";
import { timeline } from "../store/history";
import type { App } from "./app";
import { h, setText } from "./dom";

/** The chart spans this many seconds: the first that holds all since opening. */
const SPANS_S = [60, 120, TIMELINE_S];
const BARS = 60;

export function timelineChart(app: App): { element: HTMLElement; span: HTMLElement; update(): void } {
  const canvas = h("canvas", { class: "timeline", role: "img" });
  const span = h("b", {}, "0 s");
  let painted = "";
  const update = () => {
    const { history, paused } = app.state;
    const key = `${history.nowS} ${document.documentElement.dataset.theme} ${canvas.clientWidth}`;
    if (key === painted || paused || canvas.clientWidth === 0) return;
    painted = key;
    const seconds = history.openedAtS === null ? 0 : Math.min(TIMELINE_S, history.nowS - history.openedAtS);
    const spanS = SPANS_S.find((s) => s >= seconds) ?? TIMELINE_S;
    const bars = barsOf(timeline(history).slice(-spanS), spanS / BARS);
    paint(canvas, bars);
    setText(span, seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`);
    const calls = bars.reduce((sum, bar) => sum + bar.calls, 0);
    const errors = bars.reduce((sum, bar) => sum + bar.errors, 0);
    canvas.setAttribute("aria-label", `${calls} calls and ${errors} errors since opened, at most 5 minutes`);
  };
  return { element: canvas, span, update };
}

interface Bar {
  calls: number;
  errors: number;
}

export function barsOf(seconds: Bar[], secondsABar: number): Bar[] {
  const bars: Bar[] = [];
  for (let i = 0; i < seconds.length; i += secondsABar) {
    const part = seconds.slice(i, i + secondsABar);
    bars.push({
      calls: part.reduce((sum, s) => sum + s.calls, 0),
      errors: part.reduce((sum, s) => sum + s.errors, 0),
    });
  }
  return bars;
}

function paint(canvas: HTMLCanvasElement, bars: Bar[]): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: w, clientHeight: height } = canvas;
  canvas.width = w * ratio;
  canvas.height = height * ratio;
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  ctx.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const [ok, bad, faint] = [colour("--bar-ok"), colour("--bad"), colour("--line")];
  const y = scaleSqrt()
    .domain([0, Math.max(4, ...bars.map((bar) => bar.calls))])
    .range([0, height - 4]);
  const step = w / bars.length;
  bars.forEach((bar, i) => {
    const x = i * step + 1;
    const width = Math.max(1, step - 2);
    const total = y(bar.calls);
    const red = bar.errors > 0 ? Math.max(2, (total * bar.errors) / bar.calls) : 0;
    const block = (top: number, tall: number, fill: string) => {
      ctx.fillStyle = fill;
      ctx.beginPath();
      ctx.roundRect(x, height - top, width, tall, Math.min(1.5, tall / 2));
      ctx.fill();
    };
    if (bar.calls === 0) return block(2, 2, faint);
    block(total - red, Math.max(2, total - red), ok);
    if (red) block(total + 0.5, red, bad);
  });
}
