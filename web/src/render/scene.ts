/**
 * The scene: three stacked canvases and one animation loop.
 *
 * Enters: layout, graph, focus, theme, packets. Leaves: pixels, and what the pointer chose.
 * Always holds: hulls and lines, and cards, are painted only when something changed; what moves is
 * painted by a worker, which is told of changes only.
 */
import type { Layout } from "../layout/arrange";
import { EMPTY_LAYOUT } from "../layout/arrange";
import { NO_CHOICE, project, type Shown } from "../select/project";
import type { Focus, Selection } from "../select/visible";
import { emptyGraph } from "../store/graph";
import { CameraControl, type Insets } from "./camera";
import { Costs } from "./costs";
import { type Camera, type Picture, same } from "./frame";
import { HitTest } from "./hit";
import { Packets } from "./packets";
import { Painter } from "./painter";
import { DARK, type Palette } from "./palette";
import { attachPointer, GRIP_H, type PointerHandlers } from "./pointer";
import { Standing } from "./standing";
import { forgetCuts } from "./text";

export class Scene {
  readonly packets = new Packets();
  readonly control: CameraControl;
  readonly picture: Picture;
  readonly painter: Painter;
  insets: Insets = { top: 0, right: 0, bottom: 0, left: 0 };
  still = false;
  paused = false;
  frames = 0;
  fps = 0;
  /** Since the page was opened; 0: nothing was drawn yet. */
  firstPictureMs = 0;
  /** Of the newest layout. */
  layoutMs = 0;
  readonly costs = new Costs();
  private layers: CanvasRenderingContext2D[];
  private hit = new HitTest(EMPTY_LAYOUT);
  private standing: Standing;
  private flowMs = 0;
  private lastMs = 0;
  private fpsSince = 0;
  private fpsFrames = 0;

  constructor(
    readonly element: HTMLElement,
    handlers: PointerHandlers,
  ) {
    const [base, flow, nodes] = ["base", "flow", "nodes"].map((name) => this.addLayer(name));
    this.layers = [base, nodes].map((canvas) => canvas.getContext("2d", { alpha: canvas !== base })!);
    this.painter = new Painter(flow, this.packets);
    this.picture = {
      graph: project(emptyGraph(), "servers", NO_CHOICE),
      layout: EMPTY_LAYOUT,
      camera: { k: 1, x: 0, y: 0 },
      palette: DARK,
      ratio: 1,
      width: 0,
      height: 0,
      focus: null,
      selection: null,
      hovered: null,
      unfolded: new Set(),
      plain: false,
    };
    this.standing = new Standing(this.layers[0], this.layers[1], this.picture);
    this.control = new CameraControl(
      element,
      () => {
        this.picture.camera = this.control.camera;
        this.standing.cameraMoved();
      },
      (event) => attached.mayPan(event),
    );
    const attached = attachPointer(this, handlers);
    new ResizeObserver(() => this.resize()).observe(element);
    this.resize();
    requestAnimationFrame((now) => this.tick(now));
  }

  /** The flow's clock: stands while paused. */
  get nowMs(): number {
    return this.flowMs;
  }

  /** Of the newest painting of what stands still. */
  get staticMs(): number {
    return this.standing.ms;
  }

  setGraph(graph: Shown): void {
    this.picture.graph = graph;
    this.standing.figuresChanged();
  }

  setLayout(layout: Layout): void {
    const before = this.picture.layout;
    const lost = [...before.hulls.keys(), ...before.items.keys()].some(
      (id) => !layout.hulls.has(id) && !layout.items.has(id),
    );
    if (lost) this.standing.fadeOut();
    const first = before.items.size === 0;
    this.standing.appear(first ? [] : [...layout.items.keys()].filter((id) => !before.items.has(id)));
    this.picture.layout = layout;
    this.hit = new HitTest(layout);
    this.packets.reroute(layout.routes);
    this.painter.rerouted();
    if (!this.control.byHand) this.fit(!first);
  }

  setFocus(selection: Selection | null, focus: Focus | null): void {
    this.picture.selection = selection;
    this.picture.focus = focus;
    this.standing.changed();
    this.painter.changed();
  }

  setHovered(hovered: Selection | null): void {
    if (same(this.picture.hovered, hovered)) return;
    this.picture.hovered = hovered;
    this.standing.changed();
  }

  /** Shows or hides the containers of a card. */
  unfold(id: string): void {
    const unfolded = new Set(this.picture.unfolded);
    if (!unfolded.delete(id)) unfolded.add(id);
    this.picture.unfolded = unfolded;
    this.standing.changed();
  }

  setPalette(palette: Palette): void {
    this.picture.palette = palette;
    this.standing.changed();
  }

  setInsets(insets: Insets): void {
    this.insets = insets;
    if (!this.control.byHand) this.fit(true);
  }

  fit(glide: boolean): void {
    this.control.byHand = false;
    this.control.to(this.control.fitted(this.picture.layout.bounds, this.insets), glide && !this.still);
  }

  /** Brings a world point to the middle of what the panels leave free. */
  center(x: number, y: number): void {
    const { width, height } = this.picture;
    const k = Math.max(this.control.current().k, 0.9);
    const cx = (this.insets.left + width - this.insets.right) / 2;
    const cy = (this.insets.top + height - this.insets.bottom) / 2;
    this.control.byHand = true;
    this.control.to({ k, x: cx - x * k, y: cy - y * k }, !this.still);
  }

  /** Moves the camera only if a world point lies outside of what the panels leave free. */
  reveal(x: number, y: number): void {
    const { camera, width, height } = this.picture;
    const [sx, sy] = [x * camera.k + camera.x, y * camera.k + camera.y];
    const { left, right, top, bottom } = this.insets;
    if (sx < left || sx > width - right || sy < top || sy > height - bottom) this.center(x, y);
  }

  /** The world point in the middle of the window and the scale, where the camera was moved by hand. */
  viewpoint(): Camera | null {
    if (!this.control.byHand) return null;
    const { k, x, y } = this.picture.camera;
    return { k, x: (this.picture.width / 2 - x) / k, y: (this.picture.height / 2 - y) / k };
  }

  lookFrom(at: Camera): void {
    this.control.byHand = true;
    const { width, height } = this.picture;
    this.control.to({ k: at.k, x: width / 2 - at.x * at.k, y: height / 2 - at.y * at.k }, false);
  }

  /** After the fonts have come, and whenever figures changed. */
  repaint(): void {
    forgetCuts();
    this.standing.changed();
  }

  worldAt(clientX: number, clientY: number): [number, number] {
    const box = this.element.getBoundingClientRect();
    const { k, x, y } = this.picture.camera;
    return [(clientX - box.left - x) / k, (clientY - box.top - y) / k];
  }

  overHeader(server: string, clientX: number, clientY: number): boolean {
    const hull = this.picture.layout.hulls.get(server);
    return hull !== undefined && this.worldAt(clientX, clientY)[1] < hull.y + GRIP_H;
  }

  pick(clientX: number, clientY: number): Selection | null {
    const [x, y] = this.worldAt(clientX, clientY);
    return this.hit.at(x, y, 8 / this.picture.camera.k);
  }

  private addLayer(name: string): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.className = `layer layer-${name}`;
    canvas.setAttribute("aria-hidden", "true");
    this.element.append(canvas);
    return canvas;
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.element;
    const ratio = Math.min(2.5, window.devicePixelRatio || 1);
    Object.assign(this.picture, { width: clientWidth, height: clientHeight, ratio });
    for (const { canvas } of this.layers) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
    }
    this.standing.changed();
    if (!this.control.byHand) this.fit(false);
  }

  private tick(nowMs: number): void {
    requestAnimationFrame((next) => this.tick(next));
    const started = performance.now();
    if (!this.paused) this.flowMs += nowMs - this.lastMs;
    this.lastMs = nowMs;
    this.countFrame(nowMs);
    this.control.step(nowMs);
    if (this.standing.keepUp(nowMs)) this.noteFirstPicture();
    if (!this.paused) this.packets.advance(this.flowMs);
    const atMs = performance.timeOrigin + nowMs;
    this.painter.keepUp(this.picture, { flowMs: this.flowMs, atMs, runs: !this.paused });
    this.costs.note(performance.now() - started);
  }

  private noteFirstPicture(): void {
    if (this.firstPictureMs > 0 || this.picture.layout.items.size === 0) return;
    requestAnimationFrame(() => {
      this.firstPictureMs ||= performance.now();
    });
  }

  private countFrame(nowMs: number): void {
    this.frames++;
    this.fpsFrames++;
    if (nowMs - this.fpsSince < 1000) return;
    this.fps = (this.fpsFrames * 1000) / (nowMs - this.fpsSince);
    this.fpsFrames = 0;
    this.fpsSince = nowMs;
  }
}
