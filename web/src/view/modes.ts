/** The switch between the views: servers, services over all servers, flat, or the requests as a list. */
import { VIEWS, type ViewMode } from "../select/project";
import type { App, View } from "./app";
import { h } from "./dom";

const WORDS: Record<ViewMode, [text: string, title: string]> = {
  servers: ["Servers", "Each server with its gateways and services (1)"],
  services: ["Services", "One node for each service name, over all servers (2)"],
  flat: ["Flat", "Every node by itself, placed by who calls whom (3)"],
};

export function modeSwitch(app: App): View {
  const buttons = VIEWS.map((view) =>
    h("button", { type: "button", title: WORDS[view][1], onclick: () => app.setView(view) }, WORDS[view][0]),
  );
  const list = h(
    "button",
    { type: "button", title: "The requests as a list (r)", onclick: () => app.showRequests() },
    "Requests",
  );
  const element = h("div", { class: "modes", role: "group", "aria-label": "View" }, ...buttons, list);
  const update = () => {
    const { page, view } = app.state;
    buttons.forEach((button, i) => {
      button.setAttribute("aria-pressed", String(page === "graph" && view === VIEWS[i]));
    });
    list.setAttribute("aria-pressed", String(page === "requests"));
  };
  return { element, update };
}
