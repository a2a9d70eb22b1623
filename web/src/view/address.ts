/**
 * The view as an address, so that a link opens the same one.
 *
 * Enters: what was chosen. Leaves: a query string, and back. Always holds: what is usual is left out; what
 * cannot be read is taken as usual; pure.
 */
import type { Course } from "../backend/live";
import { SPEEDS, STRETCH_CHOICES, STRETCH_DEFAULT } from "../defaults";
import type { Camera } from "../render/frame";
import { ALL, type Filters, type StatusClass } from "../select/filters";
import { type HullChoice, VIEWS, type ViewMode } from "../select/project";
import type { TimeWindow } from "./app";

/** Edges by id: numbers are given anew when a hub begins anew. */
export interface Place {
  view: ViewMode;
  q: string;
  classes: Filters["classes"];
  /** "node:…", "edge:…" or "server:…" */
  select: string | null;
  call: string | null;
  panel: "bad" | "notices" | "table" | null;
  hulls: HullChoice;
  /** Null: as this browser remembers. */
  stretch: number | null;
  /** World point in the middle of the window, and the scale; null: everything fits. */
  camera: Camera | null;
  page: "graph" | "requests";
  /** Which time's requests are listed. */
  window: TimeWindow;
  /** Where a replay goes on; null: live. */
  course: Course | null;
}

const CLASSES: readonly StatusClass[] = [...ALL.classes];
const PANELS = ["bad", "notices", "table"] as const;

export function toQuery(place: Place): string {
  const query = new URLSearchParams();
  const put = (key: string, value: string | null, usual = "") => {
    if (value !== null && value !== usual) query.set(key, value);
  };
  put("view", place.view, "servers");
  put("q", place.q);
  put("status", CLASSES.filter((c) => place.classes.has(c)).join(","), CLASSES.join(","));
  put("select", place.select);
  put("call", place.call);
  put("panel", place.panel);
  put("open", [...place.hulls.opened].sort().join(","));
  put("close", [...place.hulls.closed].sort().join(","));
  put("stretch", place.stretch === null ? null : String(place.stretch), String(STRETCH_DEFAULT));
  const { camera } = place;
  if (camera) put("at", [camera.x.toFixed(0), camera.y.toFixed(0), camera.k.toFixed(3)].join(","));
  put("page", place.page, "graph");
  put("since", stamp(place.window.sinceMs));
  put("until", stamp(place.window.untilMs));
  if (place.course) {
    put("replay", stamp(place.course.atMs));
    put("speed", String(place.course.speed), "1");
    put("replay_until", stamp(place.course.untilMs));
    put("paused", String(place.course.paused), "false");
  }
  return query.toString();
}

function stamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function moment(text: string | null): number | null {
  const ms = Date.parse(text ?? "");
  return Number.isFinite(ms) ? ms : null;
}

function courseOf(query: URLSearchParams): Course | null {
  const atMs = moment(query.get("replay"));
  if (atMs === null) return null;
  const speed = SPEEDS.find((choice) => String(choice) === query.get("speed")) ?? 1;
  return { atMs, untilMs: moment(query.get("replay_until")), speed, paused: query.get("paused") === "true" };
}

export function fromQuery(text: string): Place {
  const query = new URLSearchParams(text);
  const list = (key: string) => (query.get(key) ?? "").split(",").filter(Boolean);
  const classes = new Set(CLASSES.filter((c) => list("status").includes(c)));
  const numbers = list("at").map(Number);
  const stretch = query.has("stretch") ? Number(query.get("stretch")) : null;
  const [x, y, k] = numbers;
  return {
    view: VIEWS.find((view) => view === query.get("view")) ?? "servers",
    q: query.get("q") ?? "",
    classes: classes.size > 0 ? classes : ALL.classes,
    select: query.get("select"),
    call: query.get("call"),
    panel: PANELS.find((panel) => panel === query.get("panel")) ?? null,
    hulls: { opened: new Set(list("open")), closed: new Set(list("close")) },
    stretch: STRETCH_CHOICES.find((choice) => choice === stretch) ?? null,
    camera: numbers.length === 3 && numbers.every(Number.isFinite) && k > 0 ? { x, y, k } : null,
    page: query.get("page") === "requests" ? "requests" : "graph",
    window: { sinceMs: moment(query.get("since")), untilMs: moment(query.get("until")) },
    course: courseOf(query),
  };
}
