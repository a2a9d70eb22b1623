/**
 * What stands still: hulls and lines on the lowest canvas, cards on the upper one.
 *
 * Enters: the picture, and word of what changed. Leaves: two painted canvases.
 * Always holds: they are painted only when something changed; of a picture that is costly to paint, a
 * moving camera sees what was painted last, moved and scaled, until it rests.
 */
import { paintBase } from "./edges";
import { type Camera, type Picture, sameCamera } from "./frame";
import { paintNodes } from "./nodes";

const FADE_IN_MS = 450;
const FADE_OUT_MS = 700;
/** Hulls, lines and cards that take longer than this, in ms, are not painted anew for each frame of a moving camera. */
const CHEAP_MS = 5;
/** A moving camera sees them stretched for at most this long, in ms, and sharp once it has rested for that long. */
const STRETCHED_FOR_MS = 320;
const RESTED_MS = 130;
/** New figures alone may take this share of the time. */
const FIGURES_SHARE = 0.04;
/** A picture of more than this many things is painted without shadows and gradients. */
const PLAIN_FROM = 70;

export class Standing {
  /** Script time of the newest painting. */
  ms = 0;
  /** Something other than the camera or the figures changed. */
  private dirty = true;
  private staleFigures = false;
  private painted: Camera = { k: 1, x: 0, y: 0 };
  private paintedMs = 0;
  private cameraMovedMs = 0;
  private stretched = false;
  private appeared = new Map<string, number>();
  private fadingUntil = 0;

  constructor(
    private base: CanvasRenderingContext2D,
    private cards: CanvasRenderingContext2D,
    private picture: Picture,
  ) {}

  changed(): void {
    this.dirty = true;
  }

  figuresChanged(): void {
    this.staleFigures = true;
  }

  cameraMoved(): void {
    this.cameraMovedMs = performance.now();
  }

  /** These fade in; the newest layout has them, and the one before had not. */
  appear(ids: Iterable<string>): void {
    for (const id of ids) this.appeared.set(id, performance.now());
    this.fadingUntil = performance.now() + FADE_IN_MS;
    this.dirty = true;
  }

  /** What is gone fades: the last picture of each layer stays right above the new one and becomes transparent. */
  fadeOut(): void {
    for (const { canvas } of [this.base, this.cards]) {
      const ghost = canvas.cloneNode() as HTMLCanvasElement;
      ghost.className = "layer ghost";
      ghost.getContext("2d")?.drawImage(canvas, 0, 0);
      canvas.after(ghost);
      window.setTimeout(() => ghost.remove(), FADE_OUT_MS);
    }
  }

  /** Once per animation frame; whether it was painted anew. */
  keepUp(nowMs: number): boolean {
    const paints = this.mustPaint(nowMs);
    if (paints) this.paint(nowMs);
    else if (!sameCamera(this.painted, this.picture.camera)) this.stretch();
    return paints;
  }

  private mustPaint(nowMs: number): boolean {
    if (this.dirty || nowMs < this.fadingUntil) return true;
    const cheap = this.ms < CHEAP_MS;
    if (!sameCamera(this.painted, this.picture.camera)) {
      const rested = nowMs - this.cameraMovedMs > RESTED_MS;
      return cheap || rested || nowMs - this.paintedMs > Math.max(STRETCHED_FOR_MS, this.ms * 6);
    }
    return this.staleFigures && (cheap || nowMs - this.paintedMs > this.ms / FIGURES_SHARE);
  }

  private paint(nowMs: number): void {
    const { base, cards, picture } = this;
    const began = performance.now();
    this.dirty = this.staleFigures = false;
    picture.plain = picture.layout.items.size > PLAIN_FROM;
    paintBase(base, picture);
    paintNodes(cards, picture, (id) => this.alphaOf(id, nowMs));
    this.painted = picture.camera;
    if (this.stretched) for (const { canvas } of [base, cards]) canvas.style.transform = "";
    this.stretched = false;
    this.paintedMs = performance.now();
    this.ms = this.paintedMs - began;
  }

  private stretch(): void {
    const { k, x, y } = this.picture.camera;
    const scale = k / this.painted.k;
    const text = `translate(${x - this.painted.x * scale}px, ${y - this.painted.y * scale}px) scale(${scale})`;
    for (const { canvas } of [this.base, this.cards]) canvas.style.transform = text;
    this.stretched = true;
  }

  private alphaOf(id: string, nowMs: number): number {
    const since = this.appeared.get(id);
    if (since === undefined) return 1;
    const share = (nowMs - since) / FADE_IN_MS;
    if (share >= 1) this.appeared.delete(id);
    return Math.min(1, Math.max(0, share));
  }
}
