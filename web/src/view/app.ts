/**
 * What the views share: the stores, what is chosen, and the few things a view may ask for.
 *
 * Always holds: views read the stores and call these functions; they never write to a store.
 */
import type { Session } from "#forms";
import type { Course, LinkState } from "../backend/live";
import type { Scene } from "../render/scene";
import type { Filters, StatusClass } from "../select/filters";
import type { HullChoice, Shown, ViewMode } from "../select/project";
import type { Selection } from "../select/visible";
import type { Classes } from "../store/classes";
import type { Graph } from "../store/graph";
import type { History } from "../store/history";
import type { Notices } from "../store/notices";
import type { Requests } from "../store/requests";
import type { Timeline } from "../store/timeline";

export type Panel =
  | { kind: "none" }
  | { kind: "selection" }
  | { kind: "call"; id: string; back: "selection" | "bad" }
  | { kind: "bad" }
  | { kind: "notices" }
  | { kind: "table" };

/** The times between which requests are listed, ms since 1970; null: open at that end. */
export interface TimeWindow {
  sinceMs: number | null;
  untilMs: number | null;
}

export type ThemeChoice = "system" | "dark" | "light";

export interface State {
  /** As the hub tells it. */
  graph: Graph;
  /** As it is shown: what is chosen, painted and pointed at is of this one. */
  shown: Shown;
  view: ViewMode;
  hulls: HullChoice;
  /** The filter that the hub was asked for; "" shows everything. */
  q: string;
  /** What the hub says is wrong with the filter. */
  qError: string | null;
  requests: Requests;
  /** What frames' bounds kept out of the picture since it was opened; figures count it all the same. */
  hidden: { packets: number; errors: number };
  history: History;
  classes: Classes;
  notices: Notices;
  filters: Filters;
  selection: Selection | null;
  panel: Panel;
  link: LinkState;
  linkReason: string;
  /** Who reads; null: the hub has not said. */
  session: Session | null;
  /** When the newest message came, by `performance.now()`; null: none yet. */
  heardMs: number | null;
  paused: boolean;
  /** Where a replay is going; null: the picture is of now. */
  course: Course | null;
  timeline: Timeline;
  /** What fills the window: the picture, or the list of requests. */
  page: "graph" | "requests";
  /** Which time's requests are listed. */
  window: TimeWindow;
  stretch: number;
  theme: ThemeChoice;
}

export interface App {
  state: State;
  scene: Scene;
  select(selection: Selection | null, center?: boolean): void;
  /** Opens or closes a server's hull. */
  toggleHull(server: string): void;
  setView(view: ViewMode): void;
  /** Asks the hub for what fits this filter only. */
  setQuery(q: string): void;
  openCall(id: string): void;
  openPanel(panel: Panel): void;
  toggleClass(which: StatusClass): void;
  /** Begins a replay, or changes how it goes on; null: back to now. */
  replay(change: Partial<Course> | null): void;
  /** The hub's time now, as this page knows it; in a replay, too. */
  nowMs(): number;
  /** Lists the requests, of this window where one is given. */
  showRequests(window?: TimeWindow): void;
  showGraph(): void;
  update(): void;
  setPaused(paused: boolean): void;
  setStretch(stretch: number): void;
  setTheme(theme: ThemeChoice): void;
}

/** A part of the page. `update` runs at most four times a second, and after each choice. */
export interface View {
  element: HTMLElement;
  update(): void;
}
