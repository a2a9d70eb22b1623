/**
 * Where a request's time went: every hop on one time axis, split into proxy, network and service.
 *
 * Each hop's clock is its server's own, so an inner hop is centred in the outer one's upstream time rather than
 * placed by a clock that may be off.
 */
import type { Call, Hop } from "#forms";
import { ms } from "../render/format";
import { h } from "./dom";

export interface Bar {
  title: string;
  from: number;
  to: number;
  /** The upstream's part; null where the proxy answered by itself. */
  upstream: { from: number; to: number } | null;
}

/** One bar a hop, in ms since the first hop began. */
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

/** Milliseconds of a call by where they passed. */
export interface Split {
  proxy: number;
  /** Between the two servers; null for a call of one hop. */
  network: number | null;
  service: number;
}

export function splitOf(hops: Hop[]): Split {
  const last = hops.at(-1);
  const network = hops.length > 1 ? Math.max(0, hops[0].upstream_ms - hops[1].duration_ms) : null;
  return {
    proxy: hops.reduce((sum, hop) => sum + hop.overhead_ms, 0),
    network,
    service: last?.upstream_ms ?? 0,
  };
}

export function waterfall(call: Call): HTMLElement {
  const bars = barsOf(call.hops);
  const end = Math.max(0.001, ...bars.map((bar) => bar.to));
  const rows = bars.flatMap((bar, i) => fallRow(bar, call.hops[i], bars[i + 1], end));
  const split = splitOf(call.hops);
  const two = split.network !== null;
  return h(
    "div",
    { class: "fall" },
    h("div", { class: "fall-axis" }, ...[0, end / 2, end].map((t) => h("span", {}, ms(t)))),
    ...rows,
    h(
      "p",
      { class: "fall-legend" },
      sign("proxy", `proxy overhead ${ms(split.proxy)}`),
      two && sign("network", `between the servers ${ms(split.network)}`),
      sign(
        "service",
        call.answered_by === "proxy" ? "answered by the proxy itself" : `service ${ms(split.service)}`,
      ),
    ),
    two && h("p", { class: "hint" }, "The inner hop is drawn centred, for clocks differ."),
  );
}

function sign(kind: string, text: string): HTMLElement {
  return h("span", {}, h("i", { class: kind }), text);
}

function fallRow(bar: Bar, hop: Hop, inner: Bar | undefined, end: number): HTMLElement[] {
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
    part("proxy", bar.from, bar.to),
    upstream && part(inner ? "network" : "service", upstream.from, upstream.to),
    inner ? part("inner", inner.from, inner.to) : null,
  );
  const words = upstream
    ? `${ms(hop.upstream_ms)} upstream, ${ms(hop.overhead_ms)} in the proxy`
    : "answered by the proxy itself";
  return [
    h(
      "div",
      { class: "fall-row" },
      h("span", { title: bar.title }, bar.title),
      track,
      h("span", { class: "took" }, ms(hop.duration_ms)),
    ),
    h("p", { class: "fall-note" }, words),
  ];
}
