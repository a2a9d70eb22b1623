/**
 * Search over nodes, servers and addresses, and the filter: type, choose, and the picture goes there or
 * shows what fits only.
 */
import { Search } from "lucide";
import { iconElement } from "../render/icons";
import { looksLikeQuery, quoted } from "../select/terms";
import { type Found, search } from "../select/visible";
import type { App } from "./app";
import { h } from "./dom";

const RESULTS_MAX = 8;

/** What a row of the list leads to: a place in the picture, or a filter. */
type Choice = { kind: "go"; found: Found } | { kind: "filter"; q: string };

export function searchBox(app: App): { element: HTMLElement; focus(): void } {
  const mac = /mac/i.test(navigator.platform);
  const input = h("input", {
    type: "search",
    placeholder: "Search or filter…",
    "aria-label": "Search nodes, servers and addresses, or filter requests",
    "data-testid": "search",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "search-results",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = h("ul", {
    id: "search-results",
    role: "listbox",
    "aria-label": "Found",
    class: "results",
    hidden: true,
  });
  const key = h("kbd", {}, mac ? "⌘K" : "Ctrl K");
  const element = h("div", { class: "search" }, iconElement(Search, 15), input, key, list);
  let choices: Choice[] = [];
  let active = 0;

  const show = () => {
    choices = choicesOf(app, input.value);
    active = Math.min(active, Math.max(0, choices.length - 1));
    list.replaceChildren(...choices.map(row));
    list.hidden = choices.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    if (list.hidden) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `found-${active}`);
  };
  const row = (choice: Choice, i: number) => {
    const words =
      choice.kind === "go"
        ? [h("b", {}, choice.found.title), h("span", {}, choice.found.text)]
        : [h("b", {}, "Show only"), h("span", { class: "code-text" }, choice.q)];
    return h(
      "li",
      {
        id: `found-${i}`,
        role: "option",
        "aria-selected": String(i === active),
        onpointerdown: (e) => choose(e, i),
      },
      ...words,
    );
  };
  const choose = (event: Event, i: number) => {
    event.preventDefault();
    const chosen = choices[i];
    if (!chosen) return;
    input.value = "";
    input.blur();
    list.hidden = true;
    if (chosen.kind === "go") app.select(chosen.found.selection, true);
    else app.setQuery(chosen.q);
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
    if (step === 0 || choices.length === 0) return;
    event.preventDefault();
    active = (active + step + choices.length) % choices.length;
    show();
  });
  return { element, focus: () => input.focus() };
}

/** A query is a filter first; a name leads to what bears it first. New terms join those that apply. */
function choicesOf(app: App, text: string): Choice[] {
  const typed = text.trim();
  if (!typed) return [];
  const query = looksLikeQuery(typed) || /["()]/.test(typed);
  const q = [app.state.q, query ? typed : typed.split(/\s+/).map(quoted).join(" ")].filter(Boolean).join(" ");
  const filter: Choice = { kind: "filter", q };
  const found = query ? [] : search(app.state.graph, typed, RESULTS_MAX);
  const places = found.map((item): Choice => ({ kind: "go", found: item }));
  return query ? [filter] : [...places, filter];
}
