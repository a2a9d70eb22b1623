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

/** A packet of one direction and size, painted when first asked for as an image or as pixels. */
export class Sprite {
  /** Where its head is, in device pixels from the top left. */
  readonly headX: number;
  readonly headY: number;
  private readonly w: number;
  private readonly h: number;
  private made: ImageBitmap | null = null;
  /** By opacity, in steps of a 255th. */
  private read = new Map<number, Dots>();

  /** No larger than the turned comet: transparent pixels are blended, too. */
  constructor(
    private palette: Palette,
    private ok: boolean,
    private angle: number,
    private scale: number,
  ) {
    const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
    const corners = [-HEAD_X, W - HEAD_X].flatMap((x) =>
      [-H / 2, H / 2].map((y) => [x * cos - y * sin, x * sin + y * cos]),
    );
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    [this.headX, this.headY] = [Math.ceil(-Math.min(...xs)), Math.ceil(-Math.min(...ys))];
    this.w = this.headX + Math.ceil(Math.max(...xs));
    this.h = this.headY + Math.ceil(Math.max(...ys));
  }

  get image(): ImageBitmap {
    if (this.made) return this.made;
    const canvas = new OffscreenCanvas(this.w, this.h);
    this.paint(canvas.getContext("2d")!);
    this.made = canvas.transferToImageBitmap();
    return this.made;
  }

  dots(alpha: number): Dots {
    const step = Math.round(alpha * 255);
    const known = this.read.get(step);
    if (known) return known;
    const { w, h } = this;
    const ctx = scratch(w, h);
    this.paint(ctx);
    const made = dotsOf(ctx.getImageData(0, 0, w, h).data, w, h, step / 255);
    this.read.set(step, made);
    return made;
  }

  private paint(ctx: OffscreenCanvasRenderingContext2D): void {
    ctx.setTransform(1, 0, 0, 1, this.headX, this.headY);
    ctx.scale(this.scale, this.scale);
    ctx.rotate(this.angle);
    ctx.translate(-HEAD_X, -H / 2);
    comet(ctx, this.palette, this.ok ? this.palette.ok : this.palette.bad, !this.ok);
  }
}

let board: OffscreenCanvasRenderingContext2D | null = null;

/** A clean canvas of at least that size, the same one each time: a hundred are read when the picture's scale changes. */
function scratch(w: number, h: number): OffscreenCanvasRenderingContext2D {
  if (!board || board.canvas.width < w || board.canvas.height < h) {
    const side = Math.max(w, h, board?.canvas.width ?? 0);
    board = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true })!;
  }
  board.setTransform(1, 0, 0, 1, 0, 0);
  board.clearRect(0, 0, board.canvas.width, board.canvas.height);
  return board;
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
    const sprite = new Sprite(this.palette, ok, (turn / TURNS) * 2 * Math.PI, SIZES[size] * this.ratio);
    this.made[key] = sprite;
    return sprite;
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
