import { expect, test } from "vitest";
import { settle } from "../src/layout/force";
import { nextStop } from "../src/layout/walk";
import { classSplit, countClasses } from "../src/store/classes";

const stops = [
  { id: "a", x: 0, y: 0 },
  { id: "b", x: 100, y: 10 },
  { id: "c", x: 60, y: 200 },
  { id: "d", x: 0, y: 120 },
];

test("an arrow leads to what lies ahead rather than aside, and an end stays", () => {
  expect(nextStop(stops, null, "right")?.id).toBe("a");
  expect(nextStop(stops, stops[0], "right")?.id).toBe("b");
  expect(nextStop(stops, stops[0], "down")?.id).toBe("d");
  expect(nextStop(stops, stops[1], "right")?.id).toBe("b");
  expect(nextStop(stops, stops[3], "up")?.id).toBe("a");
});

test("forces give the same places to the same input, and a newcomer moves what was there by little", () => {
  const nodes = Array.from({ length: 30 }, (_, i) => ({ id: `n${i}`, w: 172, h: 52 }));
  const links = nodes.slice(1).map((n, i): [string, string] => [`n${Math.floor(i / 3)}`, n.id]);
  const cold = settle({ nodes, links, places: [] });
  expect(settle({ nodes, links, places: [] })).toEqual(cold);
  const more = [...nodes, { id: "late", w: 172, h: 52 }];
  const warm = settle({ nodes: more, links: [...links, ["n3", "late"]], places: cold });
  const before = new Map(cold.map(([id, x, y]) => [id, [x, y]]));
  const moved = warm.filter(([id, x, y]) => {
    const was = before.get(id);
    return was && Math.hypot(x - was[0], y - was[1]) > 60;
  });
  expect(moved).toHaveLength(0);
});

test("status classes are counted for a minute and forgotten after it", () => {
  const classes = new Map();
  const packets = (edge: number, status: number[], ok: number[]) => ({
    edge: status.map(() => edge),
    end_ms: status,
    duration_ms: status,
    status,
    ok,
  });
  countClasses(classes, packets(1, [200, 301, 404, 503, 0], [1, 1, 0, 0, 0]), 1_000_000);
  countClasses(classes, packets(2, [204], [1]), 1_030_000);
  expect(classSplit(classes, [1], 1_000_000)).toEqual([1, 1, 1, 2]);
  expect(classSplit(classes, [1, 2], 1_030_000)).toEqual([2, 1, 1, 2]);
  expect(classSplit(classes, [1, 2], 1_061_000)).toEqual([1, 0, 0, 0]);
  expect(classSplit(classes, [1], 2_000_000)).toEqual([0, 0, 0, 0]);
});
