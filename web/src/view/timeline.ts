/**
 * The timeline over all kept history: rate and errors, zoomed by wheel, buttons and keys.
 *
 * A click goes to that time (a replay begins, or goes on from there); a drag selects a stretch, for which the
 * menu above it has the requests, a replay and a closer look. It asks the hub for what it shows, and again as
 * the live edge moves.
 */
import { Minus, Plus } from "lucide";
import { fetchBeginning, fetchHistogram } from "../backend/histogram";
import { TIMELINE_BAR_PX, TIMELINE_EVERY_MS } from "../defaults";
import { clock, plural } from "../render/format";
import { askFor, barsOf, between, edges, ownSpan, panned, type Span, zoomed } from "../store/span";
import { type Range, within } from "../store/timeline";
import type { App, View } from "./app";
import { button, h, setText } from "./dom";
import { rangeMenu } from "./range_menu";
import { spanSelect } from "./span_select";
import { paintTimeline } from "./timeline_paint";
import { dayClock } from "./when";

/** A pointer that moved less is a click, px. */
const CLICK_PX = 4;
const ZOOM = 1.6;

export function timelineView(app: App): View & { spans: HTMLElement; zoom: HTMLElement } {
  const canvas = h("canvas", {
    class: "timeline",
    role: "slider",
    tabindex: "0",
    "aria-label": "Timeline of the kept history. Arrows go through it, Enter replays from there",
    "data-testid": "timeline",
  });
  const readout = h("div", { class: "timeline-readout", hidden: true });
  const menu = rangeMenu(app);
  const spans = spanSelect(app);
  const element = h("div", { class: "timeline-wrap" }, canvas, readout, menu.element);
  const zoom = h(
    "div",
    { class: "zoom", role: "group", "aria-label": "Zoom of the timeline" },
    button(Minus, "", "Show a longer time", () => zoomBy(ZOOM), "square"),
    button(Plus, "", "Show a shorter time", () => zoomBy(1 / ZOOM), "square"),
  );
  const { timeline } = app.state;
  let hoverS: number | null = null;
  let dragging: { fromX: number; fromS: number } | null = null;
  /** Where the keyboard is, before Enter goes there. */
  let keyS: number | null = null;

  const nowS = () => app.nowMs() / 1000;
  const timeAt = (clientX: number) => {
    const box = canvas.getBoundingClientRect();
    const { fromS, toS } = edges(timeline.span, nowS());
    const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    return fromS + share * (toS - fromS);
  };
  const xOf = (s: number) => {
    const { fromS, toS } = edges(timeline.span, nowS());
    return ((s - fromS) / (toS - fromS)) * canvas.clientWidth;
  };
  const setSpan = (span: Span) => {
    timeline.span = span;
    timeline.own = false;
    asker.changed();
    update();
  };
  const zoomBy = (factor: number) => setSpan(zoomed(timeline.span, factor, keyS ?? whereS(), nowS()));
  /** What buttons zoom around: the replayed moment, else the end. */
  const whereS = () => (app.state.course ? app.state.graph.timeMs / 1000 : edges(timeline.span, nowS()).toS);
  const select = (range: Range | null) => {
    timeline.range = range;
    update();
  };
  const goTo = (s: number) => {
    if (s >= nowS() - 1) return app.replay(null);
    app.replay({ atMs: s * 1000 });
  };

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { deltaX, deltaY, shiftKey } = event;
    const sideways = shiftKey ? deltaY : deltaX;
    if (Math.abs(sideways) > Math.abs(shiftKey ? 0 : deltaY)) {
      setSpan(panned(timeline.span, (sideways / canvas.clientWidth) * timeline.span.lengthS, nowS()));
    } else setSpan(zoomed(timeline.span, 1.0015 ** deltaY, timeAt(event.clientX), nowS()));
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    dragging = { fromX: event.clientX, fromS: timeAt(event.clientX) };
    select(null);
  });
  canvas.addEventListener("pointermove", (event) => {
    hoverS = timeAt(event.clientX);
    if (dragging && Math.abs(event.clientX - dragging.fromX) >= CLICK_PX) {
      timeline.range = { fromS: Math.min(dragging.fromS, hoverS), toS: Math.max(dragging.fromS, hoverS) };
    }
    update();
  });
  canvas.addEventListener("pointerup", () => {
    const clicked = dragging !== null && timeline.range === null;
    const at = dragging?.fromS ?? 0;
    dragging = null;
    if (clicked) goTo(at);
    update();
  });
  canvas.addEventListener("pointercancel", () => {
    dragging = null;
  });
  canvas.addEventListener("pointerleave", () => {
    hoverS = null;
    update();
  });
  canvas.addEventListener("blur", () => {
    keyS = null;
    update();
  });
  canvas.addEventListener("keydown", (event) => {
    const action = keyAction(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });

  const keyAction = (event: KeyboardEvent): (() => void) | undefined => {
    const { fromS, toS } = edges(timeline.span, nowS());
    const step = (timeline.bars?.barS ?? 1) * (event.shiftKey ? 10 : 1);
    const go = (s: number) => () => {
      keyS = Math.min(nowS(), Math.max(timeline.beginS ?? fromS, s));
      const { lengthS } = timeline.span;
      if (keyS < fromS || keyS > toS)
        setSpan(panned(timeline.span, Math.sign(keyS - toS) * (lengthS / 2), nowS()));
      update();
    };
    const at = keyS ?? whereS();
    return {
      ArrowLeft: go(at - step),
      ArrowRight: go(at + step),
      PageUp: go(at - timeline.span.lengthS / 4),
      PageDown: go(at + timeline.span.lengthS / 4),
      Home: () => {
        if (timeline.beginS !== null) setSpan(between(timeline.beginS, nowS(), nowS()));
        go(timeline.beginS ?? fromS)();
      },
      End: go(nowS()),
      "+": () => zoomBy(1 / ZOOM),
      "-": () => zoomBy(ZOOM),
      Enter: () => goTo(at),
      Escape: timeline.range ? () => select(null) : undefined,
    }[event.key];
  };

  const asker = histogramAsker(app, () => Math.floor(canvas.clientWidth / TIMELINE_BAR_PX));
  const update = () => {
    if (canvas.clientWidth === 0) return;
    asker.look();
    const { course, graph } = app.state;
    const atS = course ? graph.timeMs / 1000 : null;
    const shownAtS = keyS ?? (dragging ? null : hoverS);
    paintTimeline(canvas, timeline, { nowS: nowS(), atS, hoverS: shownAtS, range: timeline.range });
    const { fromS, toS } = edges(timeline.span, nowS());
    const valueS = keyS ?? atS ?? toS;
    canvas.setAttribute("aria-valuemin", String(Math.floor(fromS)));
    canvas.setAttribute("aria-valuemax", String(Math.ceil(toS)));
    canvas.setAttribute("aria-valuenow", String(Math.round(Math.min(toS, Math.max(fromS, valueS)))));
    const words = keyS === null && atS === null ? "now" : wordsAt(app, valueS);
    canvas.setAttribute("aria-valuetext", words);
    readout.hidden = shownAtS === null || timeline.range !== null;
    if (shownAtS !== null) {
      setText(readout, wordsAt(app, shownAtS));
      readout.style.left = `${xOf(shownAtS)}px`;
    }
    menu.update(dragging ? null : timeline.range, xOf);
    spans.update();
  };
  return { element, spans: spans.element, zoom, update };
}

function wordsAt({ state: { timeline } }: App, s: number): string {
  const { bars, beginS } = timeline;
  if (beginS !== null && s < beginS)
    return `${dayClock(s * 1000)} · nothing kept, history begins ${dayClock(beginS * 1000)}`;
  if (!bars) return dayClock(s * 1000);
  const from = bars.sinceS + Math.floor((s - bars.sinceS) / bars.barS) * bars.barS;
  const { calls, errors } = within(bars, { fromS: from, toS: from + 1 });
  const to = bars.barS < 86_400 ? clock((from + bars.barS) * 1000) : dayClock((from + bars.barS) * 1000);
  return `${dayClock(from * 1000)} – ${to} · ${plural(calls, "call")}, ${errors === 0 ? "no error" : plural(errors, "error")}`;
}

/** Asks for what is shown: at once where it changed, else as the live edge moves on. One question at a time. */
function histogramAsker(app: App, room: () => number): { look(): void; changed(): void } {
  const { timeline } = app.state;
  let [due, shown, answered] = [0, "", 0];
  let abort: AbortController | null = null;
  let begun = false;
  const begin = async () => {
    begun = true;
    const found = await fetchBeginning(Math.floor(app.nowMs() / 1000), new AbortController().signal).catch(
      () => undefined,
    );
    if (found === undefined || found === null) {
      window.setTimeout(() => {
        begun = false;
      }, TIMELINE_EVERY_MS);
      return;
    }
    timeline.beginS = found;
  };
  const ask = async () => {
    abort?.abort();
    abort = new AbortController();
    const { signal } = abort;
    const wanted = askFor(timeline.span, app.nowMs() / 1000, Math.max(10, room()));
    try {
      const found = await fetchHistogram(wanted.sinceS, wanted.untilS, signal);
      const sinceS = Math.floor(Date.parse(found.since) / 1000);
      timeline.bars = barsOf(
        { sinceS, stepS: found.step_s, calls: found.calls, errors: found.errors },
        wanted,
      );
      timeline.error = "";
      answered = performance.now();
    } catch (error) {
      if (signal.aborted) return;
      timeline.error = error instanceof Error ? error.message : String(error);
    }
  };
  const look = () => {
    if (document.hidden) return;
    if (!begun) void begin();
    const now = performance.now();
    if (timeline.own) timeline.span = ownSpan(timeline.beginS, app.nowMs() / 1000);
    const key = `${timeline.span.lengthS} ${timeline.span.toS} ${room()}`;
    const moves = timeline.span.toS === null || now - answered > 60_000;
    if (key === shown && !(moves && now >= due)) return;
    shown = key;
    due = now + Math.max(TIMELINE_EVERY_MS, ((timeline.bars?.barS ?? 0) * 1000) / 2);
    void ask();
  };
  return { look, changed: look };
}
