/**
 * The page's background as part of the lowest canvas, which so needs no transparency: a third of the work of
 * putting a frame together was blending whole layers that hid nothing.
 */
import type { Palette } from "./palette";

const DOT_PX = 26;
const DOT_R = 1.1;

let made: { key: string; image: OffscreenCanvas } | null = null;

/** For a canvas of so many CSS pixels; painted once per size and theme. */
export function backdrop(palette: Palette, width: number, height: number, ratio: number): OffscreenCanvas {
  const key = `${palette.dark} ${width} ${height} ${ratio}`;
  if (made?.key === key) return made.image;
  const image = new OffscreenCanvas(
    Math.max(1, Math.round(width * ratio)),
    Math.max(1, Math.round(height * ratio)),
  );
  const ctx = image.getContext("2d", { alpha: false })!;
  ctx.scale(ratio, ratio);
  ctx.save();
  if (palette.dark) {
    // As the page's own: an ellipse of 1200 by 800 around (50 %, 30 %).
    ctx.translate(width / 2, height * 0.3);
    ctx.scale(1.5, 1);
    ctx.fillStyle = filled(ctx.createRadialGradient(0, 0, 0, 0, 0, 800), palette.page);
    ctx.fillRect(-width, -height, 2 * width, 2 * height);
  } else {
    ctx.fillStyle = filled(ctx.createLinearGradient(0, 0, 0, height), palette.page);
    ctx.fillRect(0, 0, width, height);
  }
  ctx.restore();
  ctx.fillStyle = palette.dots;
  for (let x = DOT_PX / 2; x < width; x += DOT_PX) {
    for (let y = DOT_PX / 2; y < height; y += DOT_PX) {
      ctx.beginPath();
      ctx.arc(x, y, DOT_R, 0, Math.PI * 2);
      ctx.fill();
    }
  }
  made = { key, image };
  return image;
}

function filled(gradient: CanvasGradient, stops: Palette["page"]): CanvasGradient {
  for (const [offset, colour] of stops) gradient.addColorStop(offset, colour);
  return gradient;
}
