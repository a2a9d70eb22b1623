/** The small text beside the pointer: what it is, and its figures. */
import { sentence } from "../render/edges";
import { ms, rate, share } from "../render/format";
import { nodeFigures } from "../render/nodes";
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
    element.hidden = target === null || target.kind === "server";
    if (!target || element.hidden) return;
    const words = titleOf(app.state.graph, target);
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
  const { graph } = app.state;
  if (target.kind === "edge") return sentence(graph.edgeFigures.get(target.index) ?? NO_FIGURES);
  const node = target.kind === "node" ? graph.nodes.get(target.id) : undefined;
  if (!node) return "";
  const f = nodeFigures(app.scene.picture, node);
  return `${rate(f.rate)}/s · ${share(f.errors, f.calls)} err · ${ms(f.p95_ms)} p95`;
}
