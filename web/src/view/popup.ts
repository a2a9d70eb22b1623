/** A button with something below it; Escape and a click elsewhere close it. */
import type { IconNode } from "lucide";
import { button, h } from "./dom";

export function popup(label: string, icon: IconNode, content: HTMLElement[], name: string): HTMLElement {
  const menu = h(
    "div",
    { class: "menu from-right", id: `${name}-menu`, role: "group", "aria-label": label, hidden: true },
    ...content,
  );
  const open = (shown: boolean) => {
    menu.hidden = !shown;
    toggle.setAttribute("aria-expanded", String(shown));
  };
  const toggle = button(icon, label, label, () => open(menu.hidden !== false), `${name}-toggle`);
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
  return element;
}
