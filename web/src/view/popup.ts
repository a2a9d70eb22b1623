/** A button with something below it; Escape and a click elsewhere close it. */
import type { IconNode } from "lucide";
import { button, h } from "./dom";

export interface Popup {
  element: HTMLElement;
  toggle: HTMLButtonElement;
}

/** `title`: what the button does, where its label does not say it. */
export function popup(
  label: string,
  icon: IconNode,
  content: HTMLElement[],
  name: string,
  { title = label, side = "from-right" } = {},
): Popup {
  const menu = h(
    "div",
    { class: `menu ${side}`, id: `${name}-menu`, role: "group", "aria-label": label, hidden: true },
    ...content,
  );
  const open = (shown: boolean) => {
    menu.hidden = !shown;
    toggle.setAttribute("aria-expanded", String(shown));
  };
  const toggle = button(icon, label, title, () => open(menu.hidden !== false), `${name}-toggle`);
  toggle.setAttribute("aria-controls", `${name}-menu`);
  toggle.dataset.testid = `${name}-toggle`;
  const element = h("div", { class: "menu-anchor" }, toggle, menu);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    event.stopPropagation();
    open(false);
    toggle.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!element.contains(event.target as Node)) open(false);
  });
  open(false);
  return { element, toggle };
}
