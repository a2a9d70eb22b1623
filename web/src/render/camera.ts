/**
 * The camera: zoom and pan by d3-zoom, fitting to the window, gliding to a target.
 *
 * Always holds: fits itself to new bounds until the user zooms or pans; never changes while told not to.
 */
import { easeCubicOut } from "d3-ease";
import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity, zoomTransform } from "d3-zoom";
import type { Box } from "../layout/model";
import type { Camera } from "./frame";

export interface Insets {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

const GLIDE_MS = 340;
const ZOOM_MAX = 1.5;
/** On a window narrower than this, names that can be read come before seeing everything at once: a thumb pans. */
const NARROW_PX = 700;
const LEGIBLE = 0.43;

export class CameraControl {
  camera: Camera = { k: 1, x: 0, y: 0 };
  byHand = false;
  private behavior: ZoomBehavior<HTMLElement, unknown>;
  private glide: { from: Camera; to: Camera; startMs: number } | null = null;

  constructor(
    private element: HTMLElement,
    private onChange: () => void,
    mayPan: (event: Event) => boolean,
  ) {
    this.behavior = zoom<HTMLElement, unknown>()
      .scaleExtent([0.08, 4])
      .clickDistance(4)
      .filter((event: MouseEvent) => !event.button && (event.type === "wheel" || mayPan(event)))
      .on("zoom", (event: D3ZoomEvent<HTMLElement, unknown>) => {
        if (event.sourceEvent) {
          this.byHand = true;
          this.glide = null;
        }
        this.camera = { k: event.transform.k, x: event.transform.x, y: event.transform.y };
        this.onChange();
      });
    select(element).call(this.behavior).on("dblclick.zoom", null);
  }

  /** The camera that shows all of `bounds` inside the window less `insets`. */
  fitted(bounds: Box, insets: Insets): Camera {
    const { clientWidth, clientHeight } = this.element;
    return fitCamera(bounds, clientWidth, clientHeight, insets);
  }

  to(camera: Camera, glide: boolean): void {
    if (!glide) {
      this.glide = null;
      return this.set(camera);
    }
    this.glide = { from: this.camera, to: camera, startMs: performance.now() };
  }

  /** One step of a glide; call it every frame. */
  step(nowMs: number): void {
    if (!this.glide) return;
    const { from, to, startMs } = this.glide;
    const t = Math.min(1, (nowMs - startMs) / GLIDE_MS);
    const e = easeCubicOut(Math.max(0, t));
    if (t >= 1) this.glide = null;
    this.set({
      k: from.k * (to.k / from.k) ** e,
      x: from.x + (to.x - from.x) * e,
      y: from.y + (to.y - from.y) * e,
    });
  }

  zoomBy(factor: number): void {
    this.byHand = true;
    select(this.element).call(this.behavior.scaleBy, factor);
  }

  private set(camera: Camera): void {
    const transform = zoomIdentity.translate(camera.x, camera.y).scale(camera.k);
    select(this.element).call(this.behavior.transform, transform);
  }

  current(): Camera {
    const { k, x, y } = zoomTransform(this.element);
    return { k, x, y };
  }
}

export function fitCamera(bounds: Box, width: number, height: number, insets: Insets): Camera {
  const w = Math.max(1, width - insets.left - insets.right);
  const h = Math.max(1, height - insets.top - insets.bottom);
  if (bounds.w <= 0 || bounds.h <= 0) return { k: 1, x: width / 2, y: height / 2 };
  const all = Math.min(ZOOM_MAX, w / bounds.w, h / bounds.h);
  const k = width < NARROW_PX ? Math.max(LEGIBLE, all) : all;
  return {
    k,
    x: insets.left + (w - bounds.w * k) / 2 - bounds.x * k,
    y: insets.top + (h - bounds.h * k) / 2 - bounds.y * k,
  };
}
