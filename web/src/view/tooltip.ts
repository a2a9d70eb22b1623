/** The small text beside the pointer: what it is, and its figures. */
import { bytes, ms, rate, share } from "../render/format";
import { nodeFigures } from "../render/frame";
import type { Selection } from "../select/visible";
import { NO_FIGURES } from "../store/graph";
import type { App } from "./app";
import { h, setText } from "./dom";
import { titleOf } from "./selection";

const OFFSET_PX = 14;

export function tooltip(app: App): {
  element: HTMLElement;
  show(target: Selection | null, x: number, y: number): void;
} {
  const [title, text, figures] = [h("b"), h("span"), h("span", { class: "strong" })];
  const element = h("div", { class: "tooltip", "aria-hidden": "true", hidden: true }, title, text, figures);
  const show = (target: Selection | null, x: number, y: number) => {
    element.hidden = target === null;
    if (!target) return;
    const words = titleOf(target.kind === "edge" ? app.state.graph : app.state.shown, target);
    setText(title, words.title);
    setText(text, words.text);
    setText(figures, figuresText(app, target));
    const right = x + OFFSET_PX + element.offsetWidth > window.innerWidth - 8;
    const low = y + OFFSET_PX + element.offsetHeight > window.innerHeight - 8;
    element.style.left = `${right ? x - OFFSET_PX - element.offsetWidth : x + OFFSET_PX}px`;
    element.style.top = `${low ? y - OFFSET_PX - element.offsetHeight : y + OFFSET_PX}px`;
  };
  return { element, show };
}

function figuresText(app: App, target: Selection): string {
  const { shown } = app.state;
  const node = target.kind === "node" ? shown.nodes.get(target.id) : undefined;
  const known =
    target.kind === "edge"
      ? shown.edgeFigures.get(target.index)
      : target.kind === "server"
        ? shown.serverFigures.get(target.id)
        : node && nodeFigures(app.scene.picture, node);
  const f = known ?? NO_FIGURES;
  if (f.calls === 0) return "no calls in 60 s";
  const times = [f.p50_ms, f.p95_ms, f.p99_ms].map((value) => ms(value)).join(" / ");
  return `${rate(f.rate)}/s · ${share(f.errors, f.calls)} err · p50/95/99 ${times} · ${bytes(f.bytes)}`;
}
