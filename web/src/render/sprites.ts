/**
 * Packet sprites: a comet with a bright head for ok, with a diamond for bad ones, so that colour is
 * not the only sign. Painted once per theme, size and direction: a gradient per packet, or turning and
 * scaling an image for each, would halve the rate.
 */
import { TURNS } from "../layout/curves";
import type { Palette } from "./palette";
import { type Dots, dotsOf } from "./pixels";

const W = 46;
const H = 22;
/** Where the head is, from the comet's left. */
const HEAD_X = 35;
const SIZES = [0.4, 0.55, 0.75, 1, 1.3];

/** A painted packet; `headX`, `headY`: where its head is, in device pixels from the top left. */
export interface Sprite {
  image: ImageBitmap;
  headX: number;
  headY: number;
  /** Its pixels at an opacity, in steps of a 255th. */
  dots: Map<number, Dots>;
}

export class Sprites {
  private made: (Sprite | undefined)[] = [];

  constructor(
    private palette: Palette,
    private ratio: number,
  ) {}

  /** The sprite for a direction and a size. */
  get(ok: boolean, turn: number, size: number): Sprite {
    const key = (size * TURNS + turn) * 2 + (ok ? 1 : 0);
    const known = this.made[key];
    if (known) return known;
    const sprite = this.make(ok, (turn / TURNS) * 2 * Math.PI, SIZES[size] * this.ratio);
    this.made[key] = sprite;
    return sprite;
  }

  /** The same as pixels, at an opacity. */
  dots(sprite: Sprite, alpha: number): Dots {
    const step = Math.round(alpha * 255);
    const known = sprite.dots.get(step);
    if (known) return known;
    const { width, height } = sprite.image;
    const ctx = new OffscreenCanvas(width, height).getContext("2d")!;
    ctx.drawImage(sprite.image, 0, 0);
    const made = dotsOf(ctx.getImageData(0, 0, width, height).data, width, height, step / 255);
    sprite.dots.set(step, made);
    return made;
  }

  /** No larger than the turned comet: transparent pixels are blended, too. */
  private make(ok: boolean, angle: number, scale: number): Sprite {
    const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
    const corners = [-HEAD_X, W - HEAD_X].flatMap((x) =>
      [-H / 2, H / 2].map((y) => [x * cos - y * sin, x * sin + y * cos]),
    );
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const [headX, headY] = [Math.ceil(-Math.min(...xs)), Math.ceil(-Math.min(...ys))];
    const canvas = new OffscreenCanvas(
      headX + Math.ceil(Math.max(...xs)),
      headY + Math.ceil(Math.max(...ys)),
    );
    const ctx = canvas.getContext("2d")!;
    ctx.translate(headX, headY);
    ctx.scale(scale, scale);
    ctx.rotate(angle);
    ctx.translate(-HEAD_X, -H / 2);
    comet(ctx, this.palette, ok ? this.palette.ok : this.palette.bad, !ok);
    return { image: canvas.transferToImageBitmap(), headX, headY, dots: new Map() };
  }
}

/** Packets shrink less than the picture does: they must be seen from far away too. */
export function sizeIndex(zoom: number): number {
  const wanted = 0.32 + 0.68 * zoom;
  let best = 0;
  for (let i = 1; i < SIZES.length; i++) {
    if (Math.abs(SIZES[i] - wanted) < Math.abs(SIZES[best] - wanted)) best = i;
  }
  return best;
}

function comet(ctx: OffscreenCanvasRenderingContext2D, palette: Palette, colour: string, bad: boolean): void {
  const y = H / 2;
  const tail = ctx.createLinearGradient(2, y, HEAD_X, y);
  tail.addColorStop(0, `${colour}00`);
  tail.addColorStop(1, colour);
  ctx.fillStyle = tail;
  ctx.beginPath();
  ctx.moveTo(2, y);
  ctx.lineTo(HEAD_X, y - 2.1);
  ctx.lineTo(HEAD_X, y + 2.1);
  ctx.fill();

  const glow = ctx.createRadialGradient(HEAD_X, y, 0, HEAD_X, y, 10.5);
  glow.addColorStop(0, colour);
  glow.addColorStop(0.3, `${colour}88`);
  glow.addColorStop(1, `${colour}00`);
  ctx.globalAlpha = palette.dark ? 0.9 : 0.55;
  ctx.fillStyle = glow;
  ctx.fillRect(HEAD_X - 11, 0, W - HEAD_X + 11, H);
  ctx.globalAlpha = 1;
  if (bad) diamond(ctx, HEAD_X, y, palette, colour);
  else head(ctx, HEAD_X, y, palette);
}

function head(ctx: OffscreenCanvasRenderingContext2D, x: number, y: number, palette: Palette): void {
  ctx.fillStyle = palette.head;
  ctx.beginPath();
  ctx.ellipse(x, y, 3.1, 2.2, 0, 0, Math.PI * 2);
  ctx.fill();
}

function diamond(
  ctx: OffscreenCanvasRenderingContext2D,
  x: number,
  y: number,
  palette: Palette,
  colour: string,
): void {
  ctx.beginPath();
  ctx.moveTo(x + 6.4, y);
  ctx.lineTo(x, y + 4.6);
  ctx.lineTo(x - 6.4, y);
  ctx.lineTo(x, y - 4.6);
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.lineWidth = 1.4;
  ctx.strokeStyle = palette.dark ? "#ffffff" : "#4c0519";
  ctx.stroke();
}
