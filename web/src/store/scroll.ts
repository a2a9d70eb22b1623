/**
 * From the browser's scrolled pixels to rows: a million rows are higher than an element may be.
 *
 * Enters: where the scrollbar is, the window's and the list's height. Leaves: which pixel of the whole list is
 * at the top. Always holds: where the list fits into the scrolled height, one is the other; else small steps
 * move by as many pixels, and great ones (the scrollbar dragged) go to the same share of the list. Pure.
 */
import { SCROLL_MAX_PX } from "../defaults";

export interface Scrolled {
  /** The scrollbar's place. */
  topPx: number;
  /** The list's pixel at the top of the window. */
  listPx: number;
}

export function scrollHeight(listPx: number): number {
  return Math.min(listPx, SCROLL_MAX_PX);
}

export function scrolled(before: Scrolled, topPx: number, viewPx: number, wholePx: number): Scrolled {
  const height = scrollHeight(wholePx);
  if (height === wholePx) return { topPx, listPx: topPx };
  const last = Math.max(1, height - viewPx);
  const small = Math.abs(topPx - before.topPx) < viewPx && topPx > 0 && topPx < last;
  const wanted = small ? before.listPx + topPx - before.topPx : (topPx / last) * (wholePx - viewPx);
  return { topPx, listPx: Math.min(wholePx - viewPx, Math.max(0, wanted)) };
}

/** The rows to draw, with some beyond either edge: [first, end). */
export function rowsIn(listPx: number, viewPx: number, rowPx: number, rows: number): [number, number] {
  const beyond = 6;
  const first = Math.max(0, Math.floor(listPx / rowPx) - beyond);
  return [first, Math.min(rows, Math.ceil((listPx + viewPx) / rowPx) + beyond)];
}
