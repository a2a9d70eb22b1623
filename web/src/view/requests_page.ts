/**
 * The requests as a list: live or past, as many as there are, only what is on screen in the document.
 *
 * Rows stand still while new calls arrive: a button counts these and takes them in. Arrows, Page and Home/End
 * go through the rows, Enter opens one beside the list.
 */
import type { Call } from "#forms";
import { ROW_PX } from "../defaults";
import { rowsIn, type Scrolled, scrolled, scrollHeight } from "../store/scroll";
import type { App, View } from "./app";
import { type Column, columnsOf, leastPx, rememberColumns, rememberedColumns, type Width } from "./columns";
import { h, setText } from "./dom";
import { listTools } from "./list_tools";
import { lister } from "./lister";

const NARROW_PX = 700;

export function requestsPage(app: App): View {
  const choices = { wide: rememberedColumns("wide"), narrow: rememberedColumns("narrow") };
  const head = h("div", { class: "list-head", role: "row" });
  const spacer = h("div", { class: "list-spacer", role: "presentation" });
  const body = h("div", { class: "list-rows", role: "rowgroup" });
  const grid = h(
    "div",
    {
      class: "list-scroll",
      role: "grid",
      tabindex: "0",
      "aria-label": "Requests, newest first. Arrows go through them, Enter opens one",
      "data-testid": "request-list",
    },
    h("div", { class: "list-top", role: "rowgroup" }, head),
    spacer,
    body,
  );
  const words = h("div", { class: "list-words", role: "status" });
  const tools = listTools(app, {
    chosen: () => choices[width()],
    choose(id, on) {
      const chosen = choices[width()];
      if (on) chosen.add(id);
      else if (chosen.size > 1) chosen.delete(id);
      rememberColumns(width(), chosen);
      shownColumns = "";
      draw();
    },
    takeNew() {
      if (list.takeNew()) rows.clear();
      active = null;
      go(0);
    },
    filter: () => list.filter(),
  });
  const element = h(
    "section",
    { class: "requests-page", "aria-label": "Requests", hidden: true, "data-testid": "requests-page" },
    tools.element,
    grid,
    words,
  );
  const rows = new Map<string, HTMLElement>();
  let at: Scrolled = { topPx: 0, listPx: 0 };
  let shownColumns = "";
  /** The row that the keyboard is on. */
  let active: number | null = null;
  /** End was pressed: how many rows there are turns out as the last ones come. */
  let toEnd = false;

  const width = (): Width => (grid.clientWidth < NARROW_PX ? "narrow" : "wide");
  const columns = (): readonly Column[] => columnsOf(width(), choices[width()]);
  const viewPx = () => Math.max(ROW_PX, grid.clientHeight - head.offsetHeight);
  const wholePx = () => list.size().rows * ROW_PX;
  /** Shows this pixel of the list at the top. */
  const go = (listPx: number) => {
    const whole = wholePx();
    spacer.style.height = `${scrollHeight(whole)}px`;
    const top = Math.min(Math.max(0, whole - viewPx()), Math.max(0, listPx));
    const share = whole > viewPx() ? top / (whole - viewPx()) : 0;
    const topPx = scrollHeight(whole) === whole ? top : share * (scrollHeight(whole) - viewPx());
    at = { topPx, listPx: top };
    grid.scrollTop = topPx;
    draw();
  };
  const list = lister(
    app,
    () => (toEnd ? goToEnd() : draw()),
    (by) => {
      if (active !== null) active += by;
      go(at.listPx + by * ROW_PX);
    },
  );

  const goToEnd = () => {
    active = list.size().rows - 1;
    go(wholePx());
  };

  const draw = () => {
    if (element.hidden || grid.clientHeight === 0) return;
    const { listing } = list;
    const size = list.size();
    spacer.style.height = `${scrollHeight(size.rows * ROW_PX)}px`;
    grid.setAttribute("aria-rowcount", String(size.exact ? size.rows + 1 : -1));
    drawHead();
    const [first, end] = rowsIn(at.listPx, viewPx(), ROW_PX, size.rows);
    const known = new Set<string>();
    for (let i = first; i < end; i++) {
      const call = listing.calls[i - listing.before];
      const key = call ? `${call.id} ${call.revision}` : `row ${i}`;
      known.add(key);
      const row = rows.get(key) ?? (call ? callRow(call) : unknownRow());
      if (!rows.has(key)) {
        rows.set(key, row);
        body.append(row);
      }
      // The list's pixels may be more than the element's: rows are placed by where the window is.
      row.style.transform = `translateY(${Math.round(i * ROW_PX - at.listPx + at.topPx)}px)`;
      row.setAttribute("aria-rowindex", String(i + 2));
      row.id = `request-row-${i}`;
      row.classList.toggle("active", i === active);
      row.classList.toggle("odd", i % 2 === 1);
      const { panel } = app.state;
      row.setAttribute("aria-selected", String(panel.kind === "call" && panel.id === call?.id));
    }
    for (const [key, row] of rows) {
      if (known.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    const seen = active !== null && active >= first && active < end;
    if (seen) grid.setAttribute("aria-activedescendant", `request-row-${active}`);
    else grid.removeAttribute("aria-activedescendant");
    drawWords();
    tools.update(listing, size, list.loading);
  };
  const drawHead = () => {
    const shown = columns();
    const key = shown.map((column) => column.id + column.width).join();
    if (key === shownColumns) return;
    shownColumns = key;
    grid.style.setProperty("--columns", shown.map((column) => column.width).join(" "));
    grid.style.setProperty("--least", `${leastPx(shown)}px`);
    head.replaceChildren(
      ...shown.map(({ title, right }) =>
        h("span", { role: "columnheader", class: right ? "right" : "" }, title),
      ),
    );
    for (const row of rows.values()) row.remove();
    rows.clear();
  };
  const callRow = (call: Call) =>
    h(
      "div",
      { class: `list-row ${call.ok ? "" : "bad"}`, role: "row", onclick: () => app.openCall(call.id) },
      ...columns().map(({ id, right, cell }) => {
        const content = cell(call);
        const title = typeof content === "string" ? content : null;
        return h("span", { role: "gridcell", class: `cell-${id} ${right ? "right" : ""}`, title }, content);
      }),
    );
  const unknownRow = () =>
    h(
      "div",
      { class: "list-row unknown", role: "row" },
      h(
        "span",
        { role: "gridcell" },
        h("i", { class: "ghost-text" }),
        h("span", { class: "visually-hidden" }, "not read yet"),
      ),
    );
  const drawWords = () => {
    const { listing, error, loading } = list;
    const empty = listing.calls.length === 0;
    words.hidden = !empty && !error;
    words.classList.toggle("wrong", error !== "");
    const text = error || (loading ? "Asking the hub…" : emptyWords(app));
    setText(words, words.hidden ? "" : text);
  };
  const follow = () => {
    const [first, end] = [Math.floor(at.listPx / ROW_PX), Math.ceil((at.listPx + viewPx()) / ROW_PX)];
    list.look(first, end);
  };

  grid.addEventListener("scroll", () => {
    at = scrolled(at, grid.scrollTop, viewPx(), wholePx());
    draw();
    follow();
  });
  for (const kind of ["wheel", "pointerdown"])
    grid.addEventListener(
      kind,
      () => {
        toEnd = false;
      },
      { passive: true },
    );
  grid.addEventListener("keydown", (event) => {
    const { before, calls } = list.listing;
    const last = before + calls.length - 1;
    const page = Math.max(1, Math.floor(viewPx() / ROW_PX) - 1);
    const now = active ?? Math.ceil(at.listPx / ROW_PX) - 1;
    if (event.key === "Enter" && active !== null) {
      const call = calls[active - before];
      if (call) app.openCall(call.id);
      return;
    }
    const steps: Record<string, number> = {
      ArrowDown: now + 1,
      ArrowUp: now - 1,
      PageDown: now + page,
      PageUp: now - page,
      Home: 0,
      End: list.size().rows - 1,
    };
    const to = steps[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    toEnd = event.key === "End";
    active = Math.min(list.size().rows - 1, Math.max(0, to));
    const [top, bottom] = [active * ROW_PX, (active + 1) * ROW_PX];
    if (top < at.listPx) go(top);
    else if (bottom > at.listPx + viewPx()) go(bottom - viewPx());
    else draw();
    follow();
  });
  new ResizeObserver(() => draw()).observe(grid);

  const update = () => {
    const open = app.state.page === "requests";
    document.documentElement.dataset.page = app.state.page;
    if (element.hidden === open) element.hidden = !open;
    if (!open) return;
    const before = list.listing;
    list.tick();
    if (list.listing.calls.length === 0 && before.calls.length > 0) go(0);
    draw();
    follow();
  };
  return { element, update };
}

function emptyWords({ state: { q, window, filters } }: App): string {
  const filtered = q !== "" || filters.classes.size < 3;
  const when = window.sinceMs !== null || window.untilMs !== null ? " in this time" : "";
  if (filtered) return `No kept request fits${when}. Take a filter away, or choose another time.`;
  return when ? "No request is kept of this time." : "No request yet.";
}
