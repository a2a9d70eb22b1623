/**
 * Packet sprites, painted once per theme and pixel ratio: a comet with a bright head for ok, with a
 * diamond for bad ones, so that colour is not the only sign. A gradient per packet would halve the rate.
 */
import type { Palette } from "./palette";

export const SPRITE_W = 46;
export const SPRITE_H = 22;
/** Where the head is, from the sprite's left. */
export const HEAD_X = 35;

export interface Sprites {
  ok: HTMLCanvasElement;
  bad: HTMLCanvasElement;
}

export function makeSprites(palette: Palette, ratio: number): Sprites {
  return {
    ok: sprite(ratio, (ctx) => comet(ctx, palette, palette.ok, false)),
    bad: sprite(ratio, (ctx) => comet(ctx, palette, palette.bad, true)),
  };
}

function sprite(ratio: number, paint: (ctx: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(SPRITE_W * ratio);
  canvas.height = Math.ceil(SPRITE_H * ratio);
  const ctx = canvas.getContext("2d")!;
  ctx.scale(ratio, ratio);
  paint(ctx);
  return canvas;
}

function comet(ctx: CanvasRenderingContext2D, palette: Palette, colour: string, bad: boolean): void {
  const y = SPRITE_H / 2;
  const tail = ctx.createLinearGradient(2, y, HEAD_X, y);
  tail.addColorStop(0, "transparent");
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
  ctx.fillRect(HEAD_X - 11, 0, 22, SPRITE_H);
  ctx.globalAlpha = 1;
  if (bad) diamond(ctx, HEAD_X, y, palette, colour);
  else head(ctx, HEAD_X, y, palette);
}

function head(ctx: CanvasRenderingContext2D, x: number, y: number, palette: Palette): void {
  ctx.fillStyle = palette.head;
  ctx.beginPath();
  ctx.ellipse(x, y, 3.1, 2.2, 0, 0, Math.PI * 2);
  ctx.fill();
}

function diamond(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  palette: Palette,
  colour: string,
): void {
  ctx.beginPath();
  ctx.moveTo(x + 5.6, y);
  ctx.lineTo(x, y + 5);
  ctx.lineTo(x - 5.6, y);
  ctx.lineTo(x, y - 5);
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.lineWidth = 1.4;
  ctx.strokeStyle = palette.dark ? "#ffffff" : "#4c0519";
  ctx.stroke();
}
