/** One request: both hops on one time axis, who answered, how it was joined, and every field of each hop. */

import { ClipboardCopy, CornerLeftUp, History, Link2, Terminal } from "lucide";
import type { Call, CallInFull, Hop } from "#forms";
import { fetchCall } from "../backend/calls";
import { bytes, ms } from "../render/format";
import { iconElement } from "../render/icons";
import type { App } from "./app";
import { chainView } from "./chain";
import { button, copyText, h, heading } from "./dom";
import { ORIGIN_TEXT, statusBadge } from "./rows";
import { waterfall } from "./waterfall";

const RETRIES = 5;
const RETRY_MS = 1500;

/** Begins to fetch at once; `close` gives it up. A call that is not settled yet is asked for again. */
export function callView(app: App, id: string): { element: HTMLElement; close(): void } {
  const element = h("div", { class: "panel-body" }, h("p", { class: "hint" }, "Asking the hub…"));
  const abort = new AbortController();
  const attempt = async (left: number): Promise<void> => {
    try {
      const call = await fetchCall(id, abort.signal);
      element.replaceChildren(...callParts(app, call, abort.signal));
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

function callParts(app: App, call: CallInFull, signal: AbortSignal): HTMLElement[] {
  return [
    h(
      "p",
      { class: "request-line" },
      statusBadge(call.status, call.ok),
      h("b", {}, call.method),
      h("span", {}, call.path),
    ),
    ends(app, call),
    ...madeFor(app, call),
    actions(app, call),
    heading("Time"),
    waterfall(call),
    chainView(app, call, signal),
    heading("What is known"),
    facts(call),
    ...call.hops.flatMap((hop, i) => [
      heading(`Hop ${i + 1} · ${hop.server} · ${hop.proxy}`),
      hopFields(hop),
    ]),
  ];
}

/** The call that this one was made for, where hop ids or traces tell. */
function madeFor(app: App, call: Call): HTMLElement[] {
  const { parent } = call;
  if (parent === null) return [];
  return [
    h(
      "button",
      { type: "button", class: "row peer parent", onclick: () => app.openCall(parent) },
      iconElement(CornerLeftUp, 14),
      h("span", { class: "path" }, "Open the request that this one was made for"),
    ),
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

/** Before the request, so that one sees it come, in ms. */
const REPLAY_BEFORE_MS = 1500;

function actions(app: App, call: Call): HTMLElement {
  const copy = (icon: typeof Terminal, label: string, text: () => string) => {
    const made: HTMLButtonElement = button(icon, label, `Copy as ${label}`, () => copyText(made, text()));
    return made;
  };
  const replay = button(History, "Replay", "Replay the moment of this request", () => {
    app.showGraph();
    app.replay({ atMs: Date.parse(call.start) - REPLAY_BEFORE_MS, speed: 1, paused: false });
  });
  return h(
    "div",
    { class: "actions" },
    copy(Link2, "Link", () => linkTo(call.id)),
    copy(ClipboardCopy, "JSON", () => JSON.stringify(call, null, 2)),
    copy(Terminal, "curl", () => curlOf(call)),
    replay,
  );
}

/** Opens the same request, as long as it is kept. */
export function linkTo(id: string, base: string = window.location.href): string {
  const url = new URL(base);
  url.search = new URLSearchParams({ page: "requests", call: id }).toString();
  return url.href;
}

/** The request as its first proxy saw it, to be asked again; the log keeps neither scheme, port nor body. */
export function curlOf(call: Call): string {
  const [first] = call.hops;
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const secure = first?.entry_point?.includes("secure") ?? false;
  const parts = ["curl", "--include"];
  if (call.method === "HEAD") parts.push("--head");
  else if (call.method !== "GET") parts.push("--request", call.method);
  if (first?.user_agent) parts.push("--user-agent", quote(first.user_agent));
  parts.push(quote(`${secure ? "https" : "http"}://${call.host}${first?.path ?? call.path}`));
  return parts.join(" ");
}
