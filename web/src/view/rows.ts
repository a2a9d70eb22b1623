/** Rows of requests, and lists that keep their elements while their content moves on. */
import type { CallSummary } from "#forms";
import { clock, ms } from "../render/format";
import type { Graph } from "../store/graph";
import type { App } from "./app";
import { h } from "./dom";

export function statusBadge(status: number, ok: boolean): HTMLElement {
  return h("span", { class: `code ${ok ? "ok" : "bad"}` }, status === 0 ? "—" : String(status));
}

/** "a → b" of a call's edge; what is unknown is said to be. */
export function endsOf(graph: Graph, call: CallSummary): string {
  const edge = graph.edges.get(call.edge);
  const name = (id: string | undefined) => (id && graph.nodes.get(id)?.name) || "unknown";
  return `${name(edge?.from)} → ${name(edge?.to)}`;
}

export const ORIGIN_TEXT: Record<CallSummary["origin"], string> = {
  same_server: "same server",
  cross_server: "cross-server",
  cross_server_direct: "direct, past the own proxy",
  public: "public",
  hairpin: "hairpin",
  outside: "outside knock",
  undecided: "undecided",
};

/** A line of the live list. */
export function shortRow(app: App, call: CallSummary): HTMLElement {
  return h(
    "button",
    {
      type: "button",
      class: "row",
      onclick: () => app.openCall(call.id),
      title: `${call.method} ${call.host}${call.path}`,
    },
    statusBadge(call.status, call.ok),
    h("span", { class: "method" }, call.method),
    h("span", { class: "path" }, call.path),
    call.missing &&
      h("span", { class: "half", title: `half-seen: ${call.missing.replace("_", " ")} missing` }, "½"),
    h("span", { class: "took" }, ms(call.duration_ms)),
  );
}

/** Two lines, with everything that a bad request's reader asks for first. */
export function longRow(app: App, call: CallSummary): HTMLElement {
  const { graph } = app.state;
  return h(
    "button",
    { type: "button", class: "row long", onclick: () => app.openCall(call.id) },
    statusBadge(call.status, call.ok),
    h(
      "span",
      { class: "body" },
      h(
        "span",
        { class: "line" },
        h("span", { class: "method" }, call.method),
        h("span", { class: "path" }, call.path),
      ),
      h(
        "span",
        { class: "line sub" },
        h(
          "span",
          { class: "ends" },
          endsOf(graph, call),
          " · ",
          h("span", { class: `origin ${call.origin}` }, ORIGIN_TEXT[call.origin]),
        ),
      ),
    ),
    h(
      "span",
      { class: "when" },
      h("span", {}, clock(call.start_ms)),
      h("span", { class: "took" }, ms(call.duration_ms)),
    ),
  );
}

/**
 * A list whose rows are made once per `key`. Always holds: elements that stay are not made anew, so
 * focus and hover survive updates; unchanged lists cost nothing.
 */
export function keyedList<T>(element: HTMLElement, key: (item: T) => string, make: (item: T) => HTMLElement) {
  let rows = new Map<string, HTMLElement>();
  return (items: T[]) => {
    const next = new Map<string, HTMLElement>();
    for (const item of items) {
      const id = key(item);
      next.set(id, rows.get(id) ?? make(item));
    }
    for (const [id, row] of rows) if (next.get(id) !== row) row.remove();
    let at = element.firstElementChild;
    for (const row of next.values()) {
      if (row === at) at = at.nextElementSibling;
      else element.insertBefore(row, at);
    }
    rows = next;
  };
}
