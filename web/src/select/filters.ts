/**
 * Which calls the view shows: status classes, chosen by chips. Totals are never filtered.
 */
export type StatusClass = "ok" | "4xx" | "5xx";

export interface Filters {
  classes: ReadonlySet<StatusClass>;
}

export const ALL: Filters = { classes: new Set<StatusClass>(["ok", "4xx", "5xx"]) };

/** A call that is not ok without a 4xx/5xx (a gRPC error, a connection that broke) counts as 5xx. */
export function statusClass(status: number, ok: boolean): StatusClass {
  if (ok) return "ok";
  return status >= 400 && status < 500 ? "4xx" : "5xx";
}

export function shows(filters: Filters, status: number, ok: boolean): boolean {
  return filters.classes.has(statusClass(status, ok));
}

/** Chips toggle; the last one that is on cannot be switched off, an empty picture helps nobody. */
export function toggle(filters: Filters, which: StatusClass): Filters {
  const classes = new Set(filters.classes);
  if (!classes.delete(which)) classes.add(which);
  return classes.size === 0 ? filters : { classes };
}
