/** Elements from code. Text is only ever text: paths and names come from strangers. */
import type { IconNode } from "lucide";
import { iconElement } from "../render/icons";

type Child = globalThis.Node | string | null | false;
type Attributes = Record<string, string | number | boolean | ((event: Event) => void) | null>;

/** `on…` attributes are listeners, booleans are set or left out; no attribute is ever parsed as HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null) element.setAttribute(key, String(value));
  }
  element.append(
    ...children.filter((child): child is globalThis.Node | string => child !== null && child !== false),
  );
  return element;
}

export function button(
  icon: IconNode | null,
  text: string,
  label: string,
  onclick: () => void,
  name = "",
): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: `button ${name}`, "aria-label": label, title: label, onclick },
    icon && iconElement(icon, 16),
    text && h("span", {}, text),
  );
}

/** Sets text without touching the document where it is the same. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function heading(text: string): HTMLElement {
  return h("h3", { class: "eyebrow" }, text);
}

/** Writes to the clipboard and says so on the button for a moment. */
export async function copyText(from: HTMLButtonElement, text: string): Promise<void> {
  const label = from.querySelector("span");
  const before = label?.textContent ?? "";
  const done = await navigator.clipboard.writeText(text).then(
    () => "copied",
    () => "no clipboard",
  );
  if (label) setText(label, done);
  window.setTimeout(() => label && setText(label, before), 1200);
}
