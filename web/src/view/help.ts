/** Keys and legend, in a dialog. */
import { STRETCH_DEFAULT } from "../defaults";
import { stretchText } from "../render/stretch";
import { h } from "./dom";

const KEYS: [string, string][] = [
  ["⌘K  Ctrl K  /", "search"],
  ["space", "pause the picture (the data goes on), or the replay"],
  ["b", "bad requests"],
  ["n", "notices"],
  ["l", "everything as a table"],
  ["h", "hide or show noise: health checks, scanners"],
  ["1  2  3", "servers, services, flat"],
  ["r", "the list of requests, and back to the picture"],
  [".", "from a replay back to now"],
  [
    "Tab, arrows",
    "from node to node; Enter opens, o unfolds (or a double click): a server, a service's containers",
  ],
  ["t", "theme: system, dark, light"],
  ["+  −  0", "closer, farther, fit everything"],
  ["Esc", "close the panel, let the selection go"],
  ["?", "this"],
];

const LEGEND: [string, string][] = [
  ["packet ok", "one request that ended 1xx to 3xx; it moves from caller to callee"],
  ["packet bad", "4xx, 5xx or a broken one: red, with a diamond head; never left out"],
  ["line plain", "calls of one server, or from outside through its public gateway"],
  ["line trunk", "calls between servers, through both private gateways"],
  ["line direct", "straight to another server's private gateway, past the own one"],
  ["line hairpin", "back in through a public gateway, from one of our servers"],
  ["line outside", "a knock at a private gateway from outside every server"],
  ["line undecided", "from a host or its NAT: who it was cannot be known"],
];

export function helpDialog(): { element: HTMLDialogElement; toggle(): void } {
  const close = h(
    "button",
    { type: "button", class: "button primary", onclick: () => element.close() },
    "Close",
  );
  const element = h(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys and legend"),
    h(
      "div",
      { class: "help-columns" },
      h(
        "dl",
        { class: "keys" },
        ...KEYS.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]),
      ),
      h(
        "dl",
        { class: "legend" },
        ...LEGEND.flatMap(([sign, text]) => [h("dt", {}, h("i", { class: sign })), h("dd", {}, text)]),
      ),
    ),
    h(
      "p",
      { class: "hint" },
      `A packet starts when its request is complete. How long it travels: its way's length, and the request's real duration times the stretch (default ×${STRETCH_DEFAULT}: ${stretchText(STRETCH_DEFAULT)}, at most 6 s). ` +
        "Up to 3 requests a second each is one packet; above that the stream grows denser with the rate. Figures always count every request.",
    ),
    close,
  );
  return { element, toggle: () => (element.open ? element.close() : element.showModal()) };
}
