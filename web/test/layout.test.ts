import { describe, expect, test } from "vitest";
import { arrange } from "../src/layout/arrange";
import { track } from "../src/layout/curves";
import { centerY, emptyMemory, type Item } from "../src/layout/model";
import { assignSlots, emptyHullMemory, nearestFree, ranks } from "../src/layout/rows";
import { freeY } from "../src/layout/sides";
import { NO_CHOICE, project } from "../src/select/project";
import { fromSnapshot } from "../src/store/graph";
import { edge, federation, node, snapshot, withBusy } from "./build";

const SETTLED_MS = 60_000;

function laidOut(world = federation(), memory = emptyMemory(), nowMs = 0, choice = NO_CHOICE) {
  const graph = fromSnapshot(snapshot(world.servers, world.nodes, world.edges));
  return arrange(project(graph, "servers", choice), memory, nowMs);
}

function overlap(a: Item, b: Item): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe("hulls", () => {
  test("stand in one column, equally wide, gateways on their borders", () => {
    const { hulls, items } = laidOut();
    const [a, b] = [hulls.get("server-a")!, hulls.get("server-b")!];
    expect(a.x).toBe(b.x);
    expect(a.w).toBe(b.w);
    expect(b.y).toBeGreaterThan(a.y + a.h);
    const pub = items.get("server-a/public")!;
    const pri = items.get("server-a/private")!;
    expect(pub.x + pub.w / 2).toBe(a.x);
    expect(pri.x + pri.w / 2).toBe(a.x + a.w);
  });

  test("more than four wrap into a grid without overlapping", () => {
    const { hulls } = laidOut(federation(["a", "b", "c", "d", "e", "f"]));
    const boxes = [...hulls.values()];
    expect(new Set(boxes.map((hull) => hull.x)).size).toBeGreaterThan(1);
    for (const one of boxes) {
      for (const other of boxes) {
        const apart =
          one.x + one.w < other.x ||
          other.x + other.w < one.x ||
          one.y + one.h < other.y ||
          other.y + other.h < one.y;
        expect(one === other || apart).toBe(true);
      }
    }
  });

  test("a server that joins moves neither hulls nor cards", () => {
    const memory = emptyMemory();
    const before = laidOut(federation(), memory, 0);
    const after = laidOut(federation(["a", "b", "c"]), memory, SETTLED_MS);
    for (const [id, item] of before.items) {
      if (item.kind === "card" || item.kind === "pill") expect(after.items.get(id)).toEqual(item);
    }
    expect(after.hulls.get("server-a")).toEqual(before.hulls.get("server-a"));
  });
});

describe("cards", () => {
  test("rank by call depth from left to right", () => {
    const { items } = laidOut();
    expect(items.get("server-a/com")!.x).toBeLessThan(items.get("server-a/non")!.x);
  });

  test("of a settled hull keep their place when a service appears", () => {
    const memory = emptyMemory();
    const world = federation();
    laidOut(world, memory, 0);
    const before = laidOut(world, memory, SETTLED_MS);
    world.nodes.push(
      node("server-a/new", "service", "server-a"),
      node("server-a/other", "service", "server-a"),
    );
    world.edges.push(edge(30, "server-a/com", "server-a/new", "same_server", ["server-a/private"]));
    const after = laidOut(world, memory, SETTLED_MS + 1);
    const cards = [...before.items.values()].filter(
      (item) => item.kind === "card" && item.server === "server-a",
    );
    const hull = (layout: typeof before) => layout.hulls.get("server-a")!;
    for (const card of cards) {
      const moved = after.items.get(card.id)!;
      expect(moved.x - hull(after).x).toBe(card.x - hull(before).x);
      expect(moved.column).toBe(card.column);
    }
    expect(after.items.has("server-a/new")).toBe(true);
  });

  test("never overlap, however many appear", () => {
    const memory = emptyMemory();
    const world = federation();
    for (let i = 0; i < 12; i++) {
      world.nodes.push(node(`server-a/s${i}`, "service", "server-a"));
      world.edges.push(
        edge(40 + i, i % 2 ? "server-a/com" : "server-a/non", `server-a/s${i}`, "same_server"),
      );
      laidOut(world, memory, SETTLED_MS * i);
    }
    const cards = [...laidOut(world, memory, SETTLED_MS * 20).items.values()].filter(
      (item) => item.kind === "card",
    );
    for (const a of cards) for (const b of cards) expect(a === b || !overlap(a, b)).toBe(true);
  });

  test("the same input gives the same picture", () => {
    expect(laidOut().items).toEqual(laidOut().items);
  });

  test("what was dragged by hand stays where it was put", () => {
    const memory = emptyMemory();
    const before = laidOut(federation(), memory);
    memory.moved.set("server-a/com", { dx: 30, dy: -12 });
    const after = laidOut(federation(), memory).items.get("server-a/com")!;
    expect(after.x - before.items.get("server-a/com")!.x).toBe(30);
    expect(after.y - before.items.get("server-a/com")!.y).toBe(-12);
  });
});

describe("slots", () => {
  const member = (id: string) => ({ id, name: id, remoteOnly: false });

  test("a circle of calls still gets ranks", () => {
    const depth = ranks(
      [member("a"), member("b"), member("c")],
      [
        ["a", "b"],
        ["b", "c"],
        ["c", "a"],
      ],
    );
    expect([depth.get("a"), depth.get("b"), depth.get("c")]).toEqual([0, 1, 2]);
  });

  test("a service that only other servers call stands on the right", () => {
    const depth = ranks([member("a"), { ...member("r"), remoteOnly: true }], []);
    expect(depth.get("r")).toBe(1);
  });

  test("an unsettled hull is ranked anew, a settled one is not", () => {
    const idle = assignSlots(emptyHullMemory(), [member("a"), member("b")], [], false);
    expect(idle.columns).toHaveLength(1);
    const ranked = assignSlots(idle, [member("a"), member("b")], [["a", "b"]], false);
    expect(ranked.slots.get("b")?.column).toBe(1);
    const kept = assignSlots(idle, [member("a"), member("b")], [["a", "b"]], true);
    expect(kept.slots).toEqual(idle.slots);
  });

  test("a newcomer takes the nearest free row", () => {
    expect(nearestFree([], 1)).toBe(1);
    expect(nearestFree([0.5, 1.5], 0.5)).toBe(2.5);
    expect(nearestFree([0, 2], 0)).toBe(1);
  });
});

describe("discs", () => {
  test("callers stand on the left, an intruder beside the gateway it knocks on", () => {
    const { items, hulls } = laidOut();
    const a = hulls.get("server-a")!;
    expect(items.get("external/internet")!.x).toBeLessThan(a.x);
    const intruder = items.get("outside/9.9.9.9")!;
    expect(intruder.x).toBeGreaterThan(a.x + a.w);
    expect(Math.abs(centerY(intruder) - centerY(items.get("server-a/private")!))).toBeLessThan(120);
  });

  test("busy addresses of the internet stand around it, each in a place of its own", () => {
    const world = withBusy("203.0.113.5", "203.0.113.7");
    world.nodes.push(node("source:office", "external", null));
    world.edges.push(edge(11, "source:office", "server-b/com", "public", ["server-b/public"]));
    const { items } = laidOut(world);
    const column = [...items.values()]
      .filter((item) => item.kind === "disc" && item.side === "left")
      .sort((a, b) => a.y - b.y);
    expect(new Set(column.map((item) => item.x)).size).toBe(1);
    const order = column.map((item) => item.id);
    expect(order).toHaveLength(4);
    const [internet, five, seven] = ["external/internet", "internet:203.0.113.5", "internet:203.0.113.7"].map(
      (id) => order.indexOf(id),
    );
    expect(Math.abs(five - internet)).toBe(1);
    expect(Math.abs(seven - internet)).toBeLessThanOrEqual(2);
    for (const [i, item] of column.slice(1).entries())
      expect(item.y - column[i].y).toBeGreaterThanOrEqual(75);
  });

  test("an address that becomes busy moves nothing", () => {
    const memory = emptyMemory();
    const before = laidOut(federation(), memory, SETTLED_MS);
    const after = laidOut(withBusy("203.0.113.5"), memory, SETTLED_MS);
    for (const [id, item] of before.items) expect(after.items.get(id)).toEqual(item);
    expect(after.items.has("internet:203.0.113.5")).toBe(true);
  });

  test("take the free place nearest to their wish", () => {
    expect(freeY([], 40)).toBe(40);
    const y = freeY([40], 42);
    expect(Math.abs(y - 40)).toBeGreaterThanOrEqual(75);
  });
});

describe("edges", () => {
  const layout = laidOut();
  const points = (index: number) => {
    const { points, count } = layout.routes.get(index)!.track;
    return Array.from({ length: count }, (_, i) => [points[2 * i], points[2 * i + 1]] as const);
  };
  const passes = (index: number, id: string) => {
    const box = layout.items.get(id)!;
    return points(index).some(([x, y]) => x > box.x && x < box.x + box.w && y > box.y && y < box.y + box.h);
  };

  test("every edge has a way", () => {
    expect([...layout.routes.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("a cross-server call travels through both private gateways in one movement", () => {
    expect(passes(2, "server-a/private")).toBe(true);
    expect(passes(2, "server-b/private")).toBe(true);
    const start = points(2)[0];
    const com = layout.items.get("server-a/com")!;
    expect(start[0]).toBe(com.x + com.w);
  });

  test("a same-server call goes from card to card", () => {
    expect(passes(1, "server-a/private")).toBe(false);
  });

  test("an edge crosses no card but its own", () => {
    expect(passes(2, "server-a/non")).toBe(false);
    expect(passes(7, "server-b/non")).toBe(false);
    expect(passes(3, "server-b/non")).toBe(false);
  });

  test("a direct call passes its own gateway by", () => {
    expect(passes(7, "server-b/private")).toBe(false);
    expect(layout.routes.get(7)!.style).toBe("direct");
  });

  test("a half-seen call goes round the hulls to the server that it went to", () => {
    const world = federation();
    world.nodes.push(node("server-b", "server", "server-b"));
    world.edges.push(edge(9, "server-a/com", "server-b", "cross_server", ["server-a/private"]));
    world.edges.push(edge(10, "server-b", "server-a/com", "hairpin", ["server-a/public"]));
    const { items, routes } = laidOut(world);
    const { points, count } = routes.get(9)!.track;
    const cards = [...items.values()].filter((item) => item.kind === "card" && item.id !== "server-a/com");
    for (let i = 0; i < count; i++) {
      const [x, y] = [points[2 * i], points[2 * i + 1]];
      const on = cards.find((c) => x > c.x && x < c.x + c.w && y > c.y && y < c.y + c.h);
      expect(on?.id).toBeUndefined();
    }
    const chip = items.get("server-b")!;
    expect(points[2 * count - 1]).toBeGreaterThanOrEqual(chip.y);
  });

  test("a call that the proxy answered ends at the proxy", () => {
    const pill = layout.items.get("server-a/public")!;
    expect(points(5).at(-1)![0]).toBe(pill.x);
  });

  test("both directions share one trunk", () => {
    expect(layout.legs.filter((leg) => leg.style === "trunk")).toHaveLength(1);
  });

  test("a track has even points and its curve's length", () => {
    const { count, length } = track([[0, 0, 100, 0, 200, 0, 300, 0]]);
    expect(length).toBeCloseTo(300, 1);
    expect(count).toBeGreaterThanOrEqual(75);
  });

  test("a newcomer leaves every other way's track as it is, and joins its own way's edges", () => {
    const { servers, nodes, edges } = federation();
    const memory = emptyMemory();
    const arranged = (all: typeof edges, atMs: number) => {
      const graph = project(fromSnapshot(snapshot(servers, nodes, all)), "servers", NO_CHOICE);
      return arrange(graph, memory, atMs);
    };
    const first = arranged(edges, 0).routes;
    const tracks = new Map([...first].map(([index, route]) => [index, route.track]));
    const later = edge(9, "server-a/com", "server-b/non", "cross_server", [
      "server-a/private",
      "server-b/private",
    ]);
    const second = arranged([...edges, later], 100).routes;
    for (const [index, track] of tracks) expect(second.get(index)!.track).toBe(track);
    expect(second.get(9)!.track).toBe(tracks.get(2));
    expect([...second.get(9)!.bundle].sort()).toEqual([2, 9]);
    memory.moved.set("server-b/non", { dx: 0, dy: 40 });
    const third = arranged([...edges, later], 200).routes;
    expect(third.get(2)!.track).not.toBe(tracks.get(2));
    expect(third.get(2)!.bundle).toBe(third.get(9)!.bundle);
    expect(third.get(1)!.track).toBe(tracks.get(1));
  });
});
