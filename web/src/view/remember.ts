/** What this browser remembers between visits: positions moved by hand, hulls opened and closed, the stretch. */
import { STRETCH_CHOICES, STRETCH_DEFAULT } from "../defaults";
import type { Memory } from "../layout/model";
import { type HullChoice, NO_CHOICE } from "../select/project";
import { read, write } from "./theme";

const MOVED_KEY = "hopwatch.moved";
const HULLS_KEY = "hopwatch.hulls";
const STRETCH_KEY = "hopwatch.stretch";

export function rememberedMoves(): Memory["moved"] {
  return parsed(MOVED_KEY, (value) => new Map(value as [string, { dx: number; dy: number }][])) ?? new Map();
}

export function rememberMoves(moved: Memory["moved"]): void {
  write(MOVED_KEY, JSON.stringify([...moved]));
}

export function rememberedHulls(): HullChoice {
  const made = (value: unknown) => {
    const { opened, closed } = value as { opened: string[]; closed: string[] };
    return { opened: new Set(opened), closed: new Set(closed) };
  };
  return parsed(HULLS_KEY, made) ?? NO_CHOICE;
}

export function rememberHulls({ opened, closed }: HullChoice): void {
  write(HULLS_KEY, JSON.stringify({ opened: [...opened], closed: [...closed] }));
}

export function rememberedStretch(): number {
  return STRETCH_CHOICES.find((n) => String(n) === read(STRETCH_KEY)) ?? STRETCH_DEFAULT;
}

export function rememberStretch(stretch: number): void {
  write(STRETCH_KEY, String(stretch));
}

/** What another release stored may not be readable; then nothing was remembered. */
function parsed<T>(key: string, make: (value: unknown) => T): T | null {
  try {
    const text = read(key);
    return text === null ? null : make(JSON.parse(text));
  } catch {
    return null;
  }
}
