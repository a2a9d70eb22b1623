/** Search over nodes, servers and addresses: type, choose, and the picture goes there. */
import { Search } from "lucide";
import { iconElement } from "../render/icons";
import { type Found, search } from "../select/visible";
import type { App } from "./app";
import { h } from "./dom";

const RESULTS_MAX = 8;

export function searchBox(app: App): { element: HTMLElement; focus(): void } {
  const mac = /mac/i.test(navigator.platform);
  const input = h("input", {
    type: "search",
    placeholder: "Search names, addresses…",
    "aria-label": "Search nodes, servers and addresses",
    "data-testid": "search",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "search-results",
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = h("ul", { id: "search-results", role: "listbox", class: "results", hidden: true });
  const key = h("kbd", {}, mac ? "⌘K" : "Ctrl K");
  const element = h("div", { class: "search" }, iconElement(Search, 15), input, key, list);
  let found: Found[] = [];
  let active = 0;

  const show = () => {
    found = input.value.trim() ? search(app.state.graph, input.value, RESULTS_MAX) : [];
    active = Math.min(active, Math.max(0, found.length - 1));
    const nothing = input.value.trim() !== "" && found.length === 0;
    list.replaceChildren(
      ...found.map(row),
      ...(nothing ? [h("li", { class: "none" }, "Nothing of that name")] : []),
    );
    list.hidden = found.length === 0 && !nothing;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };
  const row = (item: Found, i: number) =>
    h(
      "li",
      { role: "option", "aria-selected": String(i === active), onpointerdown: (e) => choose(e, i) },
      h("b", {}, item.title),
      h("span", {}, item.text),
    );
  const choose = (event: Event, i: number) => {
    event.preventDefault();
    const chosen = found[i];
    if (!chosen) return;
    input.value = "";
    input.blur();
    list.hidden = true;
    app.select(chosen.selection, true);
  };

  input.addEventListener("input", () => {
    active = 0;
    show();
  });
  input.addEventListener("focus", show);
  input.addEventListener("blur", () => {
    list.hidden = true;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") return choose(event, active);
    if (event.key === "Escape") {
      event.stopPropagation();
      input.value = "";
      return input.blur();
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || found.length === 0) return;
    event.preventDefault();
    active = (active + step + found.length) % found.length;
    show();
  });
  return { element, focus: () => input.focus() };
}
