/** The timeline as pixels: bars, where history begins, ticks, what is selected, and where one is. */
import { scaleSqrt } from "d3-scale";
import { edges, ticks } from "../store/span";
import type { Range, Timeline } from "../store/timeline";

/** Room for the times below the bars, px. */
export const AXIS_PX = 14;
const TICK_ROOM_PX = 76;

export interface Marks {
  nowS: number;
  /** Where the replay is; null: live. */
  atS: number | null;
  hoverS: number | null;
  range: Range | null;
}

export function paintTimeline(canvas: HTMLCanvasElement, timeline: Timeline, marks: Marks): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: w, clientHeight: tall } = canvas;
  if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
  if (canvas.height !== Math.round(tall * ratio)) canvas.height = Math.round(tall * ratio);
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const { fromS, toS } = edges(timeline.span, marks.nowS);
  const x = (s: number) => ((s - fromS) / (toS - fromS)) * w;
  const floor = tall - AXIS_PX;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, tall);
  ctx.font = `500 10.5px ${style.getPropertyValue("--font")}`;
  paintAxis(ctx, timeline, marks.nowS, x, w, floor, colour);
  paintUnknown(ctx, timeline, x, w, floor, colour);
  paintBars(ctx, timeline, x, floor, colour, marks.range);
  const { range } = marks;
  if (range) {
    ctx.fillStyle = colour("--accent");
    ctx.globalAlpha = 0.16;
    ctx.fillRect(x(range.fromS), 0, Math.max(1, x(range.toS) - x(range.fromS)), floor);
    ctx.globalAlpha = 1;
    for (const s of [range.fromS, range.toS]) ctx.fillRect(x(s) - 1, 0, 2, floor);
  }
  if (marks.hoverS !== null) line(ctx, x(marks.hoverS), floor, colour("--muted"), false);
  if (marks.atS !== null)
    line(ctx, Math.min(w - 1, Math.max(1, x(marks.atS))), floor, colour("--warn"), true);
  else if (timeline.span.toS === null) line(ctx, w - 1, floor, colour("--accent"), false);
}

type X = (s: number) => number;
type Colour = (name: string) => string;

function line(ctx: CanvasRenderingContext2D, at: number, floor: number, fill: string, head: boolean): void {
  ctx.fillStyle = fill;
  ctx.fillRect(at - 1, 0, 2, floor);
  if (!head) return;
  ctx.beginPath();
  ctx.moveTo(at - 6, 0);
  ctx.lineTo(at + 6, 0);
  ctx.lineTo(at, 8);
  ctx.fill();
}

/** Before the first kept call nothing is known, which is not the same as nothing happened. */
function paintUnknown(
  ctx: CanvasRenderingContext2D,
  { beginS, bars }: Timeline,
  x: X,
  w: number,
  floor: number,
  colour: Colour,
): void {
  const end = beginS === null ? (bars ? w : 0) : Math.min(w, x(beginS));
  if (end <= 0) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, end, floor);
  ctx.clip();
  ctx.strokeStyle = colour("--line");
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let at = -floor; at < end; at += 7) {
    ctx.moveTo(at, floor);
    ctx.lineTo(at + floor, 0);
  }
  ctx.stroke();
  ctx.restore();
  const text = "nothing kept";
  const wide = ctx.measureText(text).width;
  if (end < wide + 24) return;
  ctx.fillStyle = colour("--solid");
  ctx.beginPath();
  ctx.roundRect(end / 2 - wide / 2 - 7, floor / 2 - 9, wide + 14, 18, 9);
  ctx.fill();
  ctx.fillStyle = colour("--muted");
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, end / 2, floor / 2 + 0.5);
}

function paintBars(
  ctx: CanvasRenderingContext2D,
  { bars, beginS }: Timeline,
  x: X,
  floor: number,
  colour: Colour,
  range: Range | null,
): void {
  if (!bars) return;
  const [ok, bad, faint] = [colour("--bar-ok"), colour("--bad"), colour("--line")];
  const y = scaleSqrt()
    .domain([0, Math.max(4, ...bars.calls)])
    .range([0, floor - 2]);
  const block = (at: number, wide: number, top: number, size: number, fill: string) => {
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.roundRect(at, floor - top, wide, size, Math.min(1.5, size / 2));
    ctx.fill();
  };
  bars.calls.forEach((calls, i) => {
    const s = bars.sinceS + i * bars.barS;
    const [left, right] = [x(s), x(s + bars.barS)];
    if (right < 0) return;
    const wide = Math.max(1, right - left - 1.5);
    const outside = range !== null && (s + bars.barS <= range.fromS || s >= range.toS);
    ctx.globalAlpha = outside ? 0.35 : 1;
    const total = y(calls);
    const red = bars.errors[i] > 0 ? Math.max(2, (total * bars.errors[i]) / calls) : 0;
    if (calls === 0) {
      if (beginS !== null && s >= beginS) block(left, wide, 2, 2, faint);
      return;
    }
    block(left, wide, total - red, Math.max(2, total - red), ok);
    if (red) block(left, wide, total + 0.5, red, bad);
  });
  ctx.globalAlpha = 1;
}

function paintAxis(
  ctx: CanvasRenderingContext2D,
  { span }: Timeline,
  nowS: number,
  x: X,
  w: number,
  floor: number,
  colour: Colour,
): void {
  const offsetS = -60 * new Date(nowS * 1000).getTimezoneOffset();
  const { stepS, at } = ticks(span, nowS, Math.max(1, Math.floor(w / TICK_ROOM_PX)), offsetS);
  ctx.fillStyle = colour("--muted");
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  for (const s of at) {
    const text = tickText(s, stepS);
    const half = ctx.measureText(text).width / 2;
    if (x(s) - half < 0 || x(s) + half > w) continue;
    ctx.fillText(text, x(s), floor + AXIS_PX);
    ctx.fillRect(x(s) - 0.5, floor + 1, 1, 2);
  }
}

export function tickText(s: number, stepS: number): string {
  const date = new Date(s * 1000);
  if (stepS >= 86_400) return date.toLocaleDateString([], { day: "numeric", month: "short" });
  const seconds = stepS < 60 ? ({ second: "2-digit" } as const) : {};
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...seconds });
}
