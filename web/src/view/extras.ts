/** What only some selections have: a server's unreadable lines, a source's busiest addresses. */
import type { CallSummary } from "#forms";
import { fetchServer } from "../backend/calls";
import { plural } from "../render/format";
import type { Selection } from "../select/visible";
import type { App } from "./app";
import { h, heading } from "./dom";

const ADDRESSES_MAX = 8;

export interface Extra {
  element: HTMLElement;
  update(calls: CallSummary[]): void;
}

export function extraOf(app: App, selection: Selection, signal: AbortSignal): Extra | null {
  if (selection.kind === "server") return malformedLines(selection.id, signal);
  if (selection.kind !== "node") return null;
  const node = app.state.shown.nodes.get(selection.id);
  const many = node?.within === null && (node.kind === "external" || node.kind === "outside");
  return many ? busiest() : null;
}

/** The hub keeps some lines that it could not read, with the reason. */
function malformedLines(server: string, signal: AbortSignal): Extra {
  const element = h("div", { hidden: true });
  fetchServer(server, signal).then(
    (state) => {
      if (!state || (state.malformed_samples.length === 0 && !state.reason)) return;
      element.hidden = false;
      element.append(
        ...(state.reason ? [heading("What the hub says"), h("p", { class: "hint" }, state.reason)] : []),
        ...(state.malformed_samples.length > 0 ? [heading("Lines that could not be read")] : []),
        ...state.malformed_samples.map(({ proxy, offset, text, reason }) =>
          h(
            "figure",
            { class: "sample" },
            h("figcaption", {}, `${proxy}, at byte ${offset}: ${reason}`),
            h("pre", { tabindex: "0" }, text),
          ),
        ),
      );
    },
    () => {}, // the figures above say how many there are
  );
  return { element, update: () => {} };
}

/** By the newest requests that are listed: who of a group calls most. */
function busiest(): Extra {
  const rows = h("div", { class: "peers" });
  const element = h("div", {}, heading("Busiest addresses"), rows);
  let shown = "";
  const update = (calls: CallSummary[]) => {
    const counts = new Map<string, number>();
    for (const { address } of calls) if (address) counts.set(address, (counts.get(address) ?? 0) + 1);
    const top = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, ADDRESSES_MAX);
    if (top.join() === shown) return;
    shown = top.join();
    element.hidden = top.length === 0;
    rows.replaceChildren(
      ...top.map(([address, count]) =>
        h(
          "div",
          { class: "row peer" },
          h("span", { class: "path" }, address),
          h("span", { class: "took" }, `${count}`),
        ),
      ),
      h("p", { class: "hint" }, `of the ${plural(calls.length, "newest request")} known here`),
    );
  };
  return { element, update };
}
