/**
 * The same figures as tables of nodes and of edges: for screen readers always, for everybody when asked for.
 */
import { ms, rate, share } from "../render/format";
import { kindText } from "../select/visible";
import { type Figures, NO_FIGURES } from "../store/graph";
import type { App, View } from "./app";
import { h, setText } from "./dom";
import { ORIGIN_TEXT } from "./rows";

const EVERY_MS = 2000;
const ROWS_MAX = 500;

export function srTable(app: App): View {
  const nodes = h("tbody");
  const edges = h("tbody");
  const element = h(
    "div",
    {
      class: "visually-hidden",
      role: "region",
      "aria-label": "The same as tables",
      tabindex: "-1",
      "data-testid": "sr-table",
    },
    table("Nodes: calls received in the last 60 s", ["Name", "Kind", "Server"], nodes),
    table("Edges: calls in the last 60 s", ["From", "To", "Origin"], edges),
  );
  let last = Number.NEGATIVE_INFINITY;
  const update = () => {
    const now = performance.now();
    const open = app.state.panel.kind === "table";
    if (open !== element.classList.contains("table-view")) {
      element.classList.toggle("table-view", open);
      element.classList.toggle("visually-hidden", !open);
      element.tabIndex = open ? 0 : -1;
      last = Number.NEGATIVE_INFINITY;
    }
    if (now - last < EVERY_MS || app.state.paused) return;
    last = now;
    const { graph } = app.state;
    const name = (id: string) => {
      const node = graph.nodes.get(id);
      return node?.server ? `${node.name} on ${node.server}` : (node?.name ?? id);
    };
    fill(
      nodes,
      [...graph.nodes.values()]
        .sort((a, b) => rateOf(graph.nodeFigures.get(b.id)) - rateOf(graph.nodeFigures.get(a.id)))
        .slice(0, ROWS_MAX)
        .map((n) => row([n.name, kindText(n), n.server ?? "none"], graph.nodeFigures.get(n.id))),
    );
    fill(
      edges,
      [...graph.edges.values()]
        .sort((a, b) => rateOf(graph.edgeFigures.get(b.index)) - rateOf(graph.edgeFigures.get(a.index)))
        .slice(0, ROWS_MAX)
        .map((e) => row([name(e.from), name(e.to), ORIGIN_TEXT[e.origin]], graph.edgeFigures.get(e.index))),
    );
  };
  return { element, update };
}

function rateOf(figures: Figures = NO_FIGURES): number {
  return figures.rate;
}

function table(caption: string, columns: string[], body: HTMLElement): HTMLElement {
  const heads = [...columns, "Calls a second", "Calls", "Errors", "95th percentile"];
  return h(
    "table",
    {},
    h("caption", {}, `${caption}; the busiest ${ROWS_MAX}`),
    h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
    body,
  );
}

function row(texts: string[], figures: Figures = NO_FIGURES): string[] {
  const f = figures;
  return [...texts, rate(f.rate), String(f.calls), `${f.errors} (${share(f.errors, f.calls)})`, ms(f.p95_ms)];
}

/** Cells stay where they are and change their text only: a thousand new rows every two seconds would be felt. */
function fill(body: HTMLElement, rows: string[][]): void {
  while (body.children.length > rows.length) body.lastElementChild?.remove();
  rows.forEach((texts, i) => {
    const cells = body.children[i]?.children;
    if (!cells) body.append(h("tr", {}, ...texts.map((text) => h("td", {}, text))));
    else texts.forEach((text, k) => setText(cells[k], text));
  });
}
