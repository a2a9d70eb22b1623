/** The list of bad requests and the list of notices. */
import type { CallSummary, Notice } from "#forms";
import { clock, grouped } from "../render/format";
import { shows } from "../select/filters";
import { markRead } from "../store/notices";
import type { App } from "./app";
import { h, setText } from "./dom";
import { keyedList, longRow } from "./rows";

const ROWS_MAX = 200;

interface ListView {
  element: HTMLElement;
  update(): void;
}

export function badRequests(app: App): ListView {
  const rows = h("div", { class: "requests" });
  const count = h("p", { class: "hint" });
  const element = h("div", { class: "panel-body", "data-testid": "bad-requests" }, count, rows);
  const fill = keyedList<CallSummary>(
    rows,
    (call) => `${call.id} ${call.revision}`,
    (call) => longRow(app, call),
  );
  const update = () => {
    const { requests, filters } = app.state;
    const shown = requests.errors.filter((call) => shows(filters, call.status, call.ok)).slice(0, ROWS_MAX);
    const held = requests.errors.length - shown.length;
    const more = held > 0 ? `, ${grouped(held)} not listed (chips, or older)` : "";
    setText(
      count,
      shown.length === 0 ? "No bad request yet." : `${grouped(shown.length)} newest first${more}`,
    );
    fill(shown);
  };
  return { element, update };
}

export function noticeList(app: App): ListView {
  const rows = h("div", { class: "requests" });
  const none = h("p", { class: "hint" }, "Nothing to report.");
  const element = h("div", { class: "panel-body", "data-testid": "notices" }, none, rows);
  const fill = keyedList<Notice>(
    rows,
    (n) => `${n.id} ${n.count} ${n.time} ${n.ended}`,
    (n) => noticeRow(app, n),
  );
  const update = () => {
    const { notices, panel } = app.state;
    none.hidden = notices.list.length > 0;
    if (panel.kind === "notices") markRead(notices);
    fill([...notices.list].sort((a, b) => Number(a.ended !== null) - Number(b.ended !== null)));
  };
  return { element, update };
}

const LOUD: ReadonlySet<Notice["kind"]> = new Set(["outside", "spoof", "agent_gone", "missing_lines"]);

function noticeRow(app: App, notice: Notice): HTMLElement {
  return h(
    "button",
    {
      type: "button",
      class: `row notice ${notice.ended ? "ended" : ""}`,
      onclick: () => follow(app, notice),
    },
    h("span", { class: `tag ${LOUD.has(notice.kind) ? "bad" : "warn"}` }, notice.kind.replaceAll("_", " ")),
    h(
      "span",
      { class: "body" },
      h("b", {}, notice.title),
      h("span", { class: "sub wrap" }, notice.text),
      h("span", { class: "sub" }, whenOf(notice)),
    ),
  );
}

function whenOf(notice: Notice): string {
  const seen = `${grouped(notice.count)}× · last ${clock(Date.parse(notice.time))}`;
  return notice.ended ? `${seen} · over since ${clock(Date.parse(notice.ended))}` : seen;
}

/** Leads to what the notice speaks of: its edge, else its node, else its server. */
function follow(app: App, notice: Notice): void {
  const { graph } = app.state;
  if (notice.edge !== null && graph.edges.has(notice.edge))
    app.select({ kind: "edge", index: notice.edge }, true);
  else if (notice.node !== null && graph.nodes.has(notice.node))
    app.select({ kind: "node", id: notice.node }, true);
  else if (notice.server !== null && graph.servers.has(notice.server)) {
    app.select({ kind: "server", id: notice.server }, true);
  }
}
