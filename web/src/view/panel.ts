/** The panel on the right: one thing at a time, chosen by `state.panel`. */
import { ArrowLeft, X } from "lucide";
import type { App, Panel, View } from "./app";
import { callView } from "./call";
import { button, h, setText } from "./dom";
import { badRequests, noticeList } from "./lists";
import { selectionView, titleOf } from "./selection";

interface Content {
  element: HTMLElement;
  update?(): void;
  close?(): void;
}

export function panelView(app: App): View {
  const title = h("h2");
  const text = h("p", { class: "sub" });
  const back = button(ArrowLeft, "", "Back", () => goBack(app), "square back");
  const close = button(X, "", "Close (Esc)", () => app.openPanel({ kind: "none" }), "square");
  const body = h("div", { class: "panel-scroll", tabindex: "-1" });
  const head = h(
    "div",
    { class: "panel-head" },
    back,
    h("div", { class: "panel-title" }, title, text),
    close,
  );
  const element = h(
    "aside",
    { class: "panel", "data-testid": "panel", "aria-label": "Details", hidden: true },
    head,
    body,
  );
  let shown = "";
  let content: Content | null = null;
  const update = () => {
    const { panel } = app.state;
    const key = keyOf(app, panel);
    if (key !== shown) {
      shown = key;
      content?.close?.();
      content = contentOf(app, panel);
      body.replaceChildren(...(content ? [content.element] : []));
      body.scrollTop = 0;
      element.hidden = content === null;
      document.documentElement.dataset.panel = content === null ? "closed" : "open";
      back.hidden = panel.kind !== "call" || app.state.page === "requests";
    }
    if (!content) return;
    const words = headOf(app, panel);
    setText(title, words.title);
    setText(text, words.text);
    content.update?.();
  };
  return { element, update };
}

function keyOf(app: App, panel: Panel): string {
  return panel.kind === "selection"
    ? `selection ${JSON.stringify(app.state.selection)}`
    : JSON.stringify(panel);
}

function contentOf(app: App, panel: Panel): Content | null {
  if (panel.kind === "bad") return badRequests(app);
  if (panel.kind === "notices") return noticeList(app);
  if (panel.kind === "call") return callView(app, panel.id);
  if (panel.kind === "selection" && app.state.selection) return selectionView(app, app.state.selection);
  return null;
}

function headOf(app: App, panel: Panel): { title: string; text: string } {
  if (panel.kind === "bad")
    return { title: "Bad requests", text: "every call that was not ok, newest first" };
  if (panel.kind === "notices") return { title: "Notices", text: "what a person should know" };
  if (panel.kind === "call") return { title: "Request", text: panel.id };
  const { selection, graph, shown } = app.state;
  if (!selection) return { title: "", text: "" };
  return titleOf(selection.kind === "edge" ? graph : shown, selection);
}

function goBack(app: App): void {
  const { panel, selection } = app.state;
  if (panel.kind !== "call") return;
  app.openPanel(panel.back === "selection" && selection ? { kind: "selection" } : { kind: "bad" });
}
