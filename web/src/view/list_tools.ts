/** Over the requests list: how many there are, what is new, of which time, which columns, and out of here. */
import { ArrowUp, Clock, Columns3, Download } from "lucide";
import { grouped, plural, sizeText } from "../render/format";
import { exportUrl } from "../select/listed";
import type { Listing, Size } from "../store/listing";
import type { App, TimeWindow } from "./app";
import { COLUMNS } from "./columns";
import { button, h, setText } from "./dom";
import { popup } from "./popup";
import { dayClock, fromField, toField } from "./when";

export interface ListActions {
  chosen(): ReadonlySet<string>;
  choose(id: string, on: boolean): void;
  takeNew(): void;
  filter(): Record<string, string>;
}

export function listTools(
  app: App,
  actions: ListActions,
): { element: HTMLElement; update(listing: Listing, size: Size, loading: boolean): void } {
  const count = h("b", { "data-testid": "list-count" });
  const known = h("span");
  const fresh = button(ArrowUp, "", "Show the new requests", actions.takeNew, "fresh");
  fresh.dataset.testid = "fresh";
  const freshText = h("span");
  fresh.append(freshText, h("span", { class: "word" }, " new"));
  const times = timeFields(app);
  const choices = columnChoices(actions);
  const element = h(
    "div",
    { class: "list-tools" },
    h("div", { class: "stack list-count" }, count, known),
    fresh,
    h("span", { class: "spacer" }),
    times.element,
    popup("Columns", Columns3, choices.elements, "columns").element,
    popup("Export", Download, exportLinks(actions), "export").element,
  );
  const update = (listing: Listing, size: Size, loading: boolean) => {
    const nothing = loading && listing.calls.length === 0;
    setText(
      count,
      nothing ? "…" : `${sizeText(size)} ${size.rows === 1 && size.exact ? "request" : "requests"}`,
    );
    setText(known, nothing ? "" : knownText(app, listing, size));
    fresh.hidden = listing.fresh.length === 0;
    const more = `${grouped(listing.fresh.length)}${listing.freshMore ? "+" : ""}`;
    setText(freshText, more);
    fresh.setAttribute("aria-label", `${more} new requests: show them`);
    times.update();
    choices.update();
  };
  return { element, update };
}

function knownText({ state }: App, listing: Listing, size: Size): string {
  const when = state.window.untilMs !== null ? "past" : state.course ? "up to the replayed moment" : "live";
  if (size.exact) return `all of them · ${when}`;
  return `${plural(listing.calls.length, "row")} read, the rest estimated · ${when}`;
}

/** Which time's requests are listed: a button that says it, with the fields below it. */
function timeFields(app: App): { element: HTMLElement; update(): void } {
  const field = (label: string) =>
    h("input", { type: "datetime-local", step: "1", class: "time-field", "aria-label": label });
  const [since, until] = [field("Requests since"), field("Requests until")];
  const change = () => app.showRequests({ sinceMs: fromField(since.value), untilMs: fromField(until.value) });
  since.addEventListener("change", change);
  until.addEventListener("change", change);
  const last = (text: string, lengthMs: number | null) =>
    h(
      "button",
      {
        type: "button",
        class: "button",
        onclick: () =>
          app.showRequests({ sinceMs: lengthMs === null ? null : app.nowMs() - lengthMs, untilMs: null }),
      },
      text,
    );
  const content = [
    h("label", { class: "menu-row" }, h("span", {}, "Since"), since),
    h("label", { class: "menu-row" }, h("span", {}, "Until"), until),
    h("div", { class: "actions" }, last("Any time", null), last("15 min", 900_000), last("1 h", 3_600_000)),
    h("p", { class: "hint" }, "A stretch selected on the timeline is set here, too."),
  ];
  const { element } = popup("Any time", Clock, content, "time");
  const toggle = element.querySelector("button");
  const label = toggle?.querySelector("span");
  const update = () => {
    const { sinceMs, untilMs } = app.state.window;
    for (const [input, ms] of [
      [since, sinceMs],
      [until, untilMs],
    ] as const) {
      const value = ms === null ? "" : toField(ms);
      if (input.value !== value && document.activeElement !== input) input.value = value;
    }
    element.classList.toggle("set", sinceMs !== null || untilMs !== null);
    const text = windowText(app.state.window);
    if (label) setText(label, text);
    toggle?.setAttribute("aria-label", `Time of the requests: ${text}`);
  };
  return { element, update };
}

export function windowText({ sinceMs, untilMs }: TimeWindow): string {
  if (sinceMs === null && untilMs === null) return "Any time";
  if (untilMs === null) return `Since ${dayClock(sinceMs ?? 0)}`;
  return sinceMs === null ? `Until ${dayClock(untilMs)}` : `${dayClock(sinceMs)} – ${dayClock(untilMs)}`;
}

function columnChoices({ chosen, choose }: ListActions): { elements: HTMLElement[]; update(): void } {
  const boxes = COLUMNS.map(({ id }) => {
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      choose(id, box.checked);
      update();
    });
    return box;
  });
  const update = () => {
    for (const [i, { id }] of COLUMNS.entries()) boxes[i].checked = chosen().has(id);
  };
  const elements = COLUMNS.map(({ title }, i) =>
    h("label", { class: "check" }, boxes[i], h("span", {}, title)),
  );
  return { elements, update };
}

function exportLinks({ filter }: ListActions): HTMLElement[] {
  const link = (format: "csv" | "ndjson", text: string) => {
    const made = h("a", { class: "button", href: "#", download: `requests.${format}` }, text);
    // At the last moment: what is filtered may have changed since the menu was opened.
    made.addEventListener("click", () => made.setAttribute("href", exportUrl(filter(), format)));
    return made;
  };
  return [
    link("csv", "CSV"),
    link("ndjson", "NDJSON, every hop"),
    h("p", { class: "hint" }, "Exactly what is filtered, all of it, in the order of the list."),
  ];
}
