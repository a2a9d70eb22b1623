/**
 * The pointer on the scene: hover, click, and dragging cards, discs and hulls by hand.
 *
 * Always holds: a press that moved more than a few pixels is a drag, never a click.
 */
import type { Selection } from "../select/visible";
import type { Scene } from "./scene";

export interface PointerHandlers {
  hover(target: Selection | null, clientX: number, clientY: number): void;
  click(target: Selection | null): void;
  /** A double click. */
  open(target: Selection): void;
  /** By how many world pixels `target` was dragged since the last call. */
  drag(target: Selection, dx: number, dy: number, done: boolean): void;
}

const CLICK_PX = 4;
const TWICE_MS = 400;
/** A hull is dragged by its header only: its body pans the whole picture. */
export const GRIP_H = 58;

export function attachPointer(scene: Scene, handlers: PointerHandlers): { mayPan(event: Event): boolean } {
  const { element } = scene;
  let press: {
    x: number;
    y: number;
    lastX: number;
    lastY: number;
    target: Selection | null;
    moved: boolean;
  } | null = null;

  let last: { x: number; y: number; atMs: number; target: Selection | null } | null = null;
  // The first click may move the picture: a double click means what was under the first one.
  const clicked = ({ clientX: x, clientY: y, timeStamp: atMs }: PointerEvent) => {
    const twice = last && atMs - last.atMs < TWICE_MS && Math.hypot(x - last.x, y - last.y) <= CLICK_PX;
    if (twice && last?.target) {
      handlers.open(last.target);
      last = null;
      return;
    }
    const target = scene.pick(x, y);
    last = { x, y, atMs, target };
    handlers.click(target);
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const { clientX: x, clientY: y } = event;
    const target = grip(scene, x, y);
    press = { x, y, lastX: x, lastY: y, target, moved: false };
    if (target) element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!press) return handlers.hover(scene.pick(event.clientX, event.clientY), event.clientX, event.clientY);
    press.moved ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > CLICK_PX;
    if (!press.moved) return;
    handlers.hover(null, 0, 0);
    if (!press.target) return;
    const { k } = scene.picture.camera;
    handlers.drag(press.target, (event.clientX - press.lastX) / k, (event.clientY - press.lastY) / k, false);
    press.lastX = event.clientX;
    press.lastY = event.clientY;
  });
  element.addEventListener("pointerup", (event) => {
    if (!press) return;
    const { moved, target } = press;
    press = null;
    if (!moved) clicked(event);
    else if (target) handlers.drag(target, 0, 0, true);
  });
  element.addEventListener("pointercancel", () => {
    press = null;
  });
  element.addEventListener("pointerleave", () => handlers.hover(null, 0, 0));

  return {
    mayPan: (event) => !(event instanceof MouseEvent) || grip(scene, event.clientX, event.clientY) === null,
  };
}

/** What a press here would drag. Gateways belong to their hull's border and stay there. */
function grip(scene: Scene, clientX: number, clientY: number): Selection | null {
  const target = scene.pick(clientX, clientY);
  if (target?.kind === "node") {
    const item = scene.picture.layout.items.get(target.id);
    return item?.kind === "card" || item?.kind === "disc" ? target : null;
  }
  if (target?.kind !== "server") return null;
  const hull = scene.picture.layout.hulls.get(target.id);
  const [, y] = scene.worldAt(clientX, clientY);
  return hull && y < hull.y + GRIP_H ? target : null;
}
