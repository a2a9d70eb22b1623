/** What the hub is asked for so that it lists what the view shows: query, status classes, times. Pure. */
import { ALL, type Filters, type StatusClass } from "./filters";

/** As the chips mean it: a call that is not ok without a 4xx counts as 5xx. */
const CLASS_QUERY: Record<StatusClass, string> = {
  ok: "status:ok",
  "4xx": "(status:error status:4xx)",
  "5xx": "(status:error -status:4xx)",
};

export function listFilter(
  q: string,
  filters: Filters,
  times: { sinceMs: number | null; untilMs: number | null },
): Record<string, string> {
  const classes = [...ALL.classes].filter((c) => filters.classes.has(c));
  const some = classes.length < ALL.classes.size ? classes.map((c) => CLASS_QUERY[c]).join(" OR ") : "";
  const whole = [q && some ? `(${q})` : q, some && classes.length > 1 ? `(${some})` : some]
    .filter(Boolean)
    .join(" ");
  const filter: Record<string, string> = {};
  if (whole) filter.q = whole;
  if (times.sinceMs !== null) filter.since = stamp(times.sinceMs);
  if (times.untilMs !== null) filter.until = stamp(times.untilMs);
  return filter;
}

/** The address of everything that fits, as a stream. */
export function exportUrl(filter: Record<string, string>, format: "csv" | "ndjson"): string {
  return `/api/v1/requests?${new URLSearchParams({ ...filter, limit: "all", format })}`;
}

export function stamp(ms: number): string {
  return new Date(ms).toISOString();
}
