/** One request: both hops on one time axis, who answered, how it was joined, and every field of each hop. */

import { ClipboardCopy } from "lucide";
import type { Call, Hop } from "#forms";
import { fetchCall } from "../backend/calls";
import { bytes, ms } from "../render/format";
import type { App } from "./app";
import { button, copyText, h, heading } from "./dom";
import { ORIGIN_TEXT, statusBadge } from "./rows";

const RETRIES = 5;
const RETRY_MS = 1500;

/** Begins to fetch at once; `close` gives it up. A call that is not settled yet is asked for again. */
export function callView(app: App, id: string): { element: HTMLElement; close(): void } {
  const element = h("div", { class: "panel-body" }, h("p", { class: "hint" }, "Asking the hub…"));
  const abort = new AbortController();
  const attempt = async (left: number): Promise<void> => {
    try {
      const call = await fetchCall(id, abort.signal);
      element.replaceChildren(...callParts(app, call));
    } catch (error) {
      if (abort.signal.aborted) return;
      element.replaceChildren(
        h("p", { class: "hint amber-text" }, error instanceof Error ? error.message : String(error)),
      );
      if (left > 0) window.setTimeout(() => attempt(left - 1), RETRY_MS);
    }
  };
  attempt(RETRIES);
  return { element, close: () => abort.abort() };
}

function callParts(app: App, call: Call): HTMLElement[] {
  return [
    h(
      "p",
      { class: "request-line" },
      statusBadge(call.status, call.ok),
      h("b", {}, call.method),
      h("span", {}, call.path),
    ),
    ends(app, call),
    heading("Time"),
    waterfall(call),
    heading("What is known"),
    facts(call),
    ...call.hops.flatMap((hop, i) => [
      heading(`Hop ${i + 1} · ${hop.server} · ${hop.proxy}`),
      hopFields(hop),
    ]),
    copyButtons(call),
  ];
}

function ends(app: App, call: Call): HTMLElement {
  const party = (p: Call["from"], way: string) =>
    h(
      "button",
      { type: "button", class: "row peer", onclick: () => app.select({ kind: "node", id: p.node }) },
      h("span", { class: "way" }, way),
      h("span", { class: "path" }, p.name ?? p.address ?? "unknown"),
      h("span", { class: "took" }, p.server ?? p.kind),
    );
  return h("div", { class: "peers" }, party(call.from, "from"), party(call.to, "to"));
}

export interface Bar {
  title: string;
  from: number;
  to: number;
  /** The upstream's part; empty where the proxy answered by itself. */
  upstream: { from: number; to: number } | null;
}

/**
 * One bar a hop, in ms since the first hop began. Each hop's clock is its server's own, so an inner
 * hop is centred in the outer one's upstream time rather than placed by a clock that may be off.
 */
export function barsOf(hops: Hop[]): Bar[] {
  const bars: Bar[] = [];
  let start = 0;
  let room = hops[0]?.duration_ms ?? 0;
  for (const hop of hops) {
    if (bars.length > 0) start += Math.max(0, (room - hop.duration_ms) / 2);
    const inner = start + hop.overhead_ms / 2;
    const upstream = hop.upstream_ms > 0 ? { from: inner, to: inner + hop.upstream_ms } : null;
    bars.push({ title: `${hop.server} · ${hop.kind}`, from: start, to: start + hop.duration_ms, upstream });
    if (upstream) {
      start = inner;
      room = hop.upstream_ms;
    }
  }
  return bars;
}

function waterfall(call: Call): HTMLElement {
  const bars = barsOf(call.hops);
  const end = Math.max(0.001, ...bars.map((bar) => bar.to));
  const rows = bars.flatMap((bar, i) => fallRow(bar, call.hops[i], end));
  const two = call.hops.length > 1;
  const between = two ? Math.max(0, call.hops[0].upstream_ms - call.hops[1].duration_ms) : 0;
  const note = `Between the servers: ${ms(between)}. The inner hop is drawn centred, for clocks differ.`;
  return h("div", { class: "fall" }, ...rows, two && h("p", { class: "hint" }, note));
}

function fallRow(bar: Bar, hop: Hop, end: number): HTMLElement[] {
  const part = (kind: string, from: number, to: number) => {
    const fill = h("i", { class: kind });
    fill.style.left = `${(100 * from) / end}%`;
    fill.style.width = `${Math.max(0.6, (100 * (to - from)) / end)}%`;
    return fill;
  };
  const { upstream } = bar;
  const track = h(
    "span",
    { class: "fall-track" },
    part("overhead", bar.from, bar.to),
    upstream && part("upstream", upstream.from, upstream.to),
  );
  const words = upstream
    ? `${ms(hop.upstream_ms)} upstream, ${ms(hop.overhead_ms)} in the proxy`
    : "answered by the proxy itself";
  return [
    h(
      "div",
      { class: "fall-row" },
      h("span", {}, bar.title),
      track,
      h("span", { class: "took" }, ms(hop.duration_ms)),
    ),
    h("p", { class: "fall-note" }, words),
  ];
}

function facts(call: Call): HTMLElement {
  const { join } = call;
  const joined =
    join.by === "none"
      ? join.missing
        ? "a half that stayed alone"
        : "seen whole by one proxy"
      : `by ${join.by.replace("_", " ")}, ${Math.round(join.confidence * 100)} % sure`;
  const pairs: [string, string | null][] = [
    ["origin", ORIGIN_TEXT[call.origin]],
    ["why", call.hops.at(-1)?.why ?? null],
    ["answered by", call.answered_by === "proxy" ? "the proxy itself" : "the service"],
    ["joined", joined],
    ["missing", join.missing?.replace("_", " ") ?? null],
    ["reason", join.reason],
    ["started", call.start],
    ["took", ms(call.duration_ms)],
    ["host", call.host],
    ["caller", call.from.address],
    ["caused by", call.parent],
    ["gRPC status", call.grpc_status === null ? null : String(call.grpc_status)],
    ["revision", String(call.revision)],
    ["id", call.id],
  ];
  return definitions(pairs);
}

function hopFields(hop: Hop): HTMLElement {
  const { server: _server, proxy: _proxy, ...fields } = hop;
  const pairs = Object.entries(fields).map(([key, value]): [string, string | null] => [
    key.replaceAll("_", " "),
    value === null ? null : fieldText(key, value),
  ]);
  return definitions(pairs);
}

function fieldText(key: string, value: string | number | string[]): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.join(", ").replaceAll("_", " ");
  if (key.endsWith("_ms")) return ms(value);
  return key.startsWith("bytes") ? bytes(value) : String(value);
}

function definitions(pairs: [string, string | null][]): HTMLElement {
  const known = pairs.filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== "");
  return h(
    "dl",
    { class: "facts" },
    ...known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

function copyButtons(call: Call): HTMLElement {
  const json: HTMLButtonElement = button(ClipboardCopy, "Copy as JSON", "Copy as JSON", () =>
    copyText(json, JSON.stringify(call, null, 2)),
  );
  return h("div", { class: "actions" }, json);
}
