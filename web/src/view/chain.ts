/** The whole chain that a request belongs to: what it was made for, and what was made for it, on one axis. */
import type { CallInFull } from "#forms";
import { fetchChain } from "../backend/chain";
import { ms, plural } from "../render/format";
import { chainRows, type Link } from "../select/chain";
import type { App } from "./app";
import { h, heading, setText } from "./dom";
import { statusBadge } from "./rows";

/** Empty until the hub has told of a parent or a child. */
export function chainView(app: App, call: CallInFull, signal: AbortSignal): HTMLElement {
  const element = h("div", { "data-testid": "chain" });
  fetchChain(call, signal).then(
    ({ root, calls, more }) => {
      if (signal.aborted || calls.length < 2) return;
      const links = chainRows(root, calls);
      const end = Math.max(0.001, ...links.map((link) => link.toMs));
      const hint = h("p", { class: "hint" });
      const servers = new Set(calls.flatMap((c) => c.hops.map((hop) => hop.server)));
      setText(
        hint,
        `${plural(calls.length, "request")} over ${plural(servers.size, "server")}, each placed by its caller's clock${more ? "; there are more" : ""}`,
      );
      element.append(
        heading("The chain it belongs to"),
        h("div", { class: "fall-axis chain-axis" }, ...[0, end].map((t) => h("span", {}, ms(t)))),
        ...links.map((link) => chainRow(app, link, end, link.call.id === call.id)),
        hint,
      );
    },
    () => {}, // the request itself is shown all the same
  );
  return element;
}

function chainRow(app: App, link: Link, end: number, own: boolean): HTMLElement {
  const { call, depth } = link;
  const part = (kind: string, from: number, to: number) => {
    const fill = h("i", { class: kind });
    fill.style.left = `${Math.min(99.4, (100 * from) / end)}%`;
    fill.style.width = `${Math.max(0.6, (100 * (to - from)) / end)}%`;
    return fill;
  };
  const name = call.to.name ?? call.to.address ?? "unknown";
  const across = call.hops.length > 1;
  const label = h(
    "span",
    { class: "chain-name" },
    h("b", {}, name),
    h("span", {}, call.to.server ?? call.to.kind),
  );
  label.style.paddingLeft = `${Math.min(depth, 5) * 10}px`;
  return h(
    "button",
    {
      type: "button",
      class: `chain-row ${own ? "own" : ""}`,
      "aria-current": own ? "true" : null,
      title: `${call.method} ${call.path}`,
      onclick: () => app.openCall(call.id),
    },
    label,
    h(
      "span",
      { class: "fall-track" },
      part(across ? "network" : "proxy", link.fromMs, link.toMs),
      part("service", link.servedFromMs, link.servedToMs),
    ),
    h("span", { class: "took" }, ms(call.duration_ms)),
    statusBadge(call.status, call.ok),
  );
}
