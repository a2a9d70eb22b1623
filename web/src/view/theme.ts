/** Dark, light or the system's choice, remembered in the browser. */
import type { ThemeChoice } from "./app";

const KEY = "hopwatch.theme";
export const THEMES: readonly ThemeChoice[] = ["system", "dark", "light"];

export function rememberedTheme(): ThemeChoice {
  const value = read(KEY) as ThemeChoice | null;
  return value && THEMES.includes(value) ? value : "system";
}

export function isDark(choice: ThemeChoice): boolean {
  if (choice !== "system") return choice === "dark";
  return !window.matchMedia("(prefers-color-scheme: light)").matches;
}

/** Sets the page's theme and remembers the choice. Returns whether it is dark. */
export function applyTheme(choice: ThemeChoice): boolean {
  const dark = isDark(choice);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  write(KEY, choice);
  return dark;
}

/** Storage may be forbidden; then nothing is remembered. */
export function read(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function write(key: string, value: string): void {
  try {
    window.localStorage.setItem(key, value);
  } catch {
    // A browser that stores nothing still shows everything.
  }
}
