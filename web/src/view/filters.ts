/** The filter: a button with the usual choices, and the terms that apply, each with a way out. */
import { ListFilter, X } from "lucide";
import { clock, plural } from "../render/format";
import { iconElement } from "../render/icons";
import { fieldValue, NO_NOISE, quoted, termsOf, toggleTerm, withValue } from "../select/terms";
import type { Graph } from "../store/graph";
import type { App, View } from "./app";
import { h, setText } from "./dom";
import { popup } from "./popup";

const CHOICES: { field: string; label: string; values: [value: string, text: string][] }[] = [
  { field: "method", label: "Method", values: ["GET", "POST", "PUT", "PATCH", "DELETE"].map((m) => [m, m]) },
  {
    field: "origin",
    label: "Origin",
    values: [
      ["public", "public"],
      ["same_server", "same server"],
      ["cross_server*", "cross-server"],
      ["outside", "outside knock"],
      ["hairpin", "hairpin"],
      ["undecided", "undecided"],
    ],
  },
  { field: "server", label: "Server", values: [] },
  {
    field: "min",
    label: "Busy edges",
    values: [
      ["0.1/s", "≥ 0.1 a second"],
      ["1/s", "≥ 1 a second"],
      ["10/s", "≥ 10 a second"],
    ],
  },
  {
    field: "slower",
    label: "Slower than",
    values: [
      ["100ms", "100 ms"],
      ["1s", "1 s"],
      ["5s", "5 s"],
    ],
  },
];

/** The button in the top bar, with its choices below it. */
export function filterMenu(app: App): View {
  const selects = CHOICES.map((choice) => choiceRow(app, choice));
  const content = [
    ...selects.map(({ element }) => element),
    h(
      "p",
      { class: "hint" },
      "Or type into the search field: ",
      h("code", {}, "path:/api*"),
      " ",
      h("code", {}, "-service:health"),
    ),
  ];
  const { element, toggle } = popup("Filter", ListFilter, content, "filter", {
    title: "Filter the requests",
    side: "",
  });
  const update = () => {
    for (const select of selects) select.update();
    toggle.classList.toggle(
      "on",
      termsOf(app.state.q).some((term) => term !== NO_NOISE),
    );
  };
  return { element, update };
}

function choiceRow(app: App, { field, label, values }: (typeof CHOICES)[number]): View {
  const select = h("select", { id: `filter-${field}` });
  select.addEventListener("change", () => app.setQuery(withValue(app.state.q, field, select.value)));
  const element = h("label", { class: "menu-row" }, h("span", {}, label), select);
  let filled = "";
  const update = () => {
    const { q, graph } = app.state;
    const servers = [...graph.servers.keys()].sort().map((id): [string, string] => [quoted(id), id]);
    const known = field === "server" ? servers : values;
    const value = fieldValue(q, field);
    const listed =
      known.some(([v]) => v === value) || value === "" ? known : [...known, [value, value] as const];
    const key = listed.join();
    if (key !== filled) {
      filled = key;
      select.replaceChildren(
        h("option", { value: "" }, "any"),
        ...listed.map(([v, text]) => h("option", { value: v }, text)),
      );
    }
    if (select.value !== value) select.value = value;
  };
  return { element, update };
}

/** One click without health checks and scanners. */
export function noiseToggle(app: App): View {
  const element = h(
    "button",
    {
      type: "button",
      class: "button chip",
      "data-testid": "noise-toggle",
      onclick: () => app.setQuery(toggleTerm(app.state.q, NO_NOISE)),
    },
    h("span", {}, "Noise"),
  );
  const update = () => {
    const shown = !termsOf(app.state.q).includes(NO_NOISE);
    element.setAttribute("aria-pressed", String(shown));
    element.title = shown ? "Hide health checks and scanners" : "Show health checks and scanners again";
  };
  return { element, update };
}

/** The terms that apply, under the top bar; and what the hub says is wrong. */
export function filterBar(app: App): View {
  const terms = h("div", { class: "terms" });
  const error = h("p", { class: "query-error", role: "alert", hidden: true, "data-testid": "query-error" });
  const fit = h("p", { class: "fit", role: "status" });
  const element = h("div", { class: "filterbar", "data-testid": "filter-bar" }, terms, fit, error);
  let shown = "";
  const update = () => {
    const { q, qError } = app.state;
    // Lists below the bar make room for it.
    document.documentElement.style.setProperty("--filters", `${element.offsetHeight}px`);
    error.hidden = qError === null;
    setText(error, qError ?? "");
    fit.hidden = app.state.graph.matched === null;
    setText(fit, fitText(app.state.graph));
    if (q === shown) return;
    shown = q;
    const parts = termsOf(q);
    terms.replaceChildren(
      ...parts.map((term) => termChip(app, term)),
      ...(parts.length > 1 ? [clearAll(app)] : []),
    );
  };
  return { element, update };
}

function fitText({ matched, matchedSinceMs }: Graph): string {
  if (!matched) return "";
  const calls = [...matched.values()].reduce((sum, totals) => sum + totals.calls, 0);
  const since = clock(matchedSinceMs);
  if (calls === 0) return `No call has fitted since ${since}; what is shown dim does not fit`;
  return `${plural(calls, "call")} fitted since ${since} · figures beside the picture are of all calls`;
}

function termChip(app: App, term: string): HTMLElement {
  return h(
    "button",
    {
      type: "button",
      class: "term",
      "aria-label": `Take away the filter ${term}`,
      title: "Take this filter away",
      onclick: () => app.setQuery(toggleTerm(app.state.q, term)),
    },
    h("span", {}, term === NO_NOISE ? "noise hidden" : term),
    iconElement(X, 13),
  );
}

function clearAll(app: App): HTMLElement {
  return h("button", { type: "button", class: "term all", onclick: () => app.setQuery("") }, "Clear all");
}
