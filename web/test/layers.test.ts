import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../src");
/** What each layer may import, besides itself and `defaults`. `main.ts` wires them all. A backend is also a worker, which runs the layout. */
const MAY: Record<string, string[]> = {
  store: [],
  select: ["store"],
  layout: ["store", "select"],
  render: ["store", "select", "layout"],
  view: ["store", "select", "layout", "render", "backend"],
  backend: ["layout"],
};
/** What only reaches outside may name. */
const OUTSIDE =
  /\b(document|window|WebSocket|fetch|localStorage|setTimeout|setInterval|performance|Date\.now)\b/;

const files = Object.keys(MAY).flatMap((layer) =>
  readdirSync(join(SRC, layer)).map((name) => ({
    layer,
    name,
    text: readFileSync(join(SRC, layer, name), "utf8"),
  })),
);
const code = (text: string) => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");

describe("layers", () => {
  test("there are files to look at", () => {
    expect(files.length).toBeGreaterThan(50);
  });

  for (const { layer, name, text } of files) {
    test(`${layer}/${name} imports what lies below it only`, () => {
      const from = [...text.matchAll(/from "\.\.\/(\w+)/g)].map((match) => match[1]);
      const allowed = new Set([layer, "defaults", ...MAY[layer]]);
      expect(from.filter((other) => !allowed.has(other))).toEqual([]);
    });
  }

  for (const { layer, name, text } of files.filter(({ layer: l }) =>
    ["store", "select", "layout"].includes(l),
  )) {
    if (name.endsWith(".worker.ts")) continue;
    test(`${layer}/${name} is pure: no clock, no socket, no document`, () => {
      expect(code(text).match(OUTSIDE)?.[0]).toBeUndefined();
    });
  }
});
