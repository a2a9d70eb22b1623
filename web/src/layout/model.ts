/** The layout's nouns and measures, in world pixels. */
import type { Known } from "./edges";

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export type Side = "left" | "right";

/** A node's place. `card`: a service; `pill`: a gateway on its hull's border; `disc`: outside every hull. */
export interface Item extends Box {
  id: string;
  kind: "card" | "pill" | "chip" | "disc";
  server: string | null;
  /** Pills: which border; discs: which column; chips and cards: "right". */
  side: Side;
  /** Cards: index of their column in the hull; else -1. */
  column: number;
}

export interface Column {
  x: number;
  w: number;
}

export interface Hull extends Box {
  id: string;
  columns: Column[];
  rows: number;
  /** Its column in the grid of hulls. */
  gridColumn: number;
  /** Totals only. */
  collapsed: boolean;
}

/** What is remembered between layouts, so that nothing moves when something appears. */
export interface HullMemory {
  columns: { offset: number; w: number }[];
  slots: Map<string, { column: number; row: number }>;
  rows: number;
  firstTrafficMs: number | null;
}

export interface Memory {
  hulls: Map<string, HullMemory>;
  /** Servers in order of appearance. */
  order: string[];
  /** Columns of the grid of hulls; 0: not chosen yet. */
  gridColumns: number;
  /** Discs in order of appearance, with the place they took. */
  discs: Map<string, { side: Side; y: number }>;
  /** Chips, with the end of the border they took. */
  chips: Map<string, Side>;
  /** Moved by hand: offset from where the layout would put it. */
  moved: Map<string, { dx: number; dy: number }>;
  /** Of the flat view: middles, as the forces put them. */
  flat: Map<string, { x: number; y: number }>;
  /** Curves and ways of the last layout. */
  known: Known;
}

export function emptyMemory(): Memory {
  return {
    hulls: new Map(),
    order: [],
    gridColumns: 0,
    discs: new Map(),
    chips: new Map(),
    moved: new Map(),
    flat: new Map(),
    known: { curves: new Map(), ways: new Map() },
  };
}

export const CARD_W = 172;
export const CARD_W_MAX = 288;
export const CARD_H = 52;
export const ROW = 70;
export const HEADER = 72;
export const BOTTOM = 34;
export const PAD_X = 84;
/** Between columns: wide while there are few, so that lines can be followed. */
export const columnGap = (columns: number): number => (columns <= 2 ? 120 : columns === 3 ? 100 : 78);
export const HULL_MIN_W = 700;
/** A hull that shows its totals only. */
export const CLOSED_W = 384;
export const HULL_GAP = 64;
export const HULL_RADIUS = 26;
export const MIN_ROWS = 2;
export const PILL_W = 30;
export const PILL_H = 116;
export const PILL_GAP = 12;
/** "unnamed caller", "host or NAT, undecided" */
export const CHIP_W = 132;
export const CHIP_W_WIDE = 172;
export const CHIP_H = 26;
export const CHIP_GAP = 14;
/** From the hull's right border to the first chip: the corner stays free. */
export const CHIP_INSET = 36;
export const DISC = 40;
export const DISC_PITCH = 76;
/** From the hulls' border to the discs' centre; the right side leaves room for the arcs. */
export const LEFT_GUTTER = 170;
export const RIGHT_GUTTER = 220;
/** Half an arc's label, and the distance from it to the discs. */
export const ARC_LABEL_W = 120;
/** Gap between the columns of a grid of hulls: arcs and edges pass in it. */
export const GRID_GUTTER = 240;

/** Inter's advance widths in em, roughly: enough to choose a card's width without a canvas. */
export function textWidth(text: string, sizePx: number): number {
  let em = 0;
  for (const char of text) {
    if ("iljI.,:;|'!".includes(char)) em += 0.27;
    else if ("ftr-()[]/ ".includes(char)) em += 0.38;
    else if ("mwMW".includes(char)) em += 0.86;
    else em += char >= "A" && char <= "Z" ? 0.68 : 0.575;
  }
  return em * sizePx;
}

export const centerX = (box: Box): number => box.x + box.w / 2;
export const centerY = (box: Box): number => box.y + box.h / 2;
