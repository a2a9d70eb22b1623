/** The keyboard. A key typed into a field, or with a button in focus where space presses it, is left alone. */
import { NO_NOISE, toggleTerm } from "../select/terms";
import type { App } from "./app";
import { nextTheme } from "./topbar";

export interface KeyTargets {
  focusSearch(): void;
  toggleHelp(): void;
}

export function attachKeys(app: App, targets: KeyTargets): void {
  window.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return targets.focusSearch();
    }
    if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
    if (event.key === " " && event.target instanceof HTMLButtonElement) return;
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action(app, targets);
  });
}

type Action = (app: App, targets: KeyTargets) => void;

const ACTIONS: Record<string, Action> = {
  "/": (_, targets) => targets.focusSearch(),
  "?": (_, targets) => targets.toggleHelp(),
  " ": (app) => app.setPaused(!(app.state.course?.paused ?? app.state.paused)),
  ".": (app) => app.replay(null),
  r: (app) => (app.state.page === "graph" ? app.showRequests() : app.showGraph()),
  "4": (app) => app.showRequests(),
  t: (app) => app.setTheme(nextTheme(app.state.theme)),
  b: (app) => togglePanel(app, "bad"),
  n: (app) => togglePanel(app, "notices"),
  l: (app) => togglePanel(app, "table"),
  h: (app) => app.setQuery(toggleTerm(app.state.q, NO_NOISE)),
  "1": (app) => app.setView("servers"),
  "2": (app) => app.setView("services"),
  "3": (app) => app.setView("flat"),
  "+": (app) => app.scene.control.zoomBy(1.25),
  "-": (app) => app.scene.control.zoomBy(0.8),
  "0": (app) => app.scene.fit(true),
  Escape: (app) => app.openPanel({ kind: "none" }),
};

function togglePanel(app: App, kind: "bad" | "notices" | "table"): void {
  app.openPanel(app.state.panel.kind === kind ? { kind: "none" } : { kind });
}

function typing(target: EventTarget | null): boolean {
  if (target instanceof HTMLElement && target.closest("dialog[open]")) return true;
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement
  );
}
