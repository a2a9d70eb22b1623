/** Text on the canvas: fonts, and cutting what does not fit. */
import { FONT } from "./palette";

export function setFont(ctx: CanvasRenderingContext2D, sizePx: number, weight: number): void {
  ctx.font = `${weight} ${sizePx}px ${FONT}`;
}

const cuts = new Map<string, string>();

/** `text` cut in the middle to fit `width` world pixels in the current font. */
export function fitted(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  const key = `${ctx.font}|${Math.round(width)}|${text}`;
  const known = cuts.get(key);
  if (known !== undefined) return known;
  if (cuts.size > 5000) cuts.clear();
  const cut = cutMiddle(text, (part) => ctx.measureText(part).width <= width);
  cuts.set(key, cut);
  return cut;
}

/** The longest beginning and end of `text` around an ellipsis that `fits`; all of it if that does. */
export function cutMiddle(text: string, fits: (part: string) => boolean): string {
  if (fits(text)) return text;
  let [low, high] = [0, text.length];
  const make = (n: number) =>
    `${text.slice(0, Math.ceil(n * 0.6))}…${text.slice(text.length - Math.floor(n * 0.4))}`;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(make(middle))) low = middle;
    else high = middle - 1;
  }
  return make(low);
}

export function forgetCuts(): void {
  cuts.clear();
}
