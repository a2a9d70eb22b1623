import { describe, expect, test } from "vitest";
import type { Call } from "#forms";
import { ALL, shows, statusClass, toggle } from "../src/select/filters";
import { callsOf, edgeOfCall, focusOf, search } from "../src/select/visible";
import { fromSnapshot } from "../src/store/graph";
import { call, federation, snapshot, withBusy } from "./build";

const { servers, nodes, edges } = federation();
const graph = fromSnapshot(snapshot(servers, nodes, edges));

describe("a listed call", () => {
  const busy = withBusy("203.0.113.5");
  const graph = fromSnapshot(snapshot(servers, busy.nodes, busy.edges));
  const lies = (address: string) => {
    const from = { node: "external/internet", kind: "external", server: null, name: "internet", address };
    const to = { node: "server-a/com", kind: "service", server: "server-a", name: "com", address: null };
    return edgeOfCall(graph, { from, to, origin: "public" } as Call)?.from;
  };

  test("of a busy address lies on an edge of its own, another one on the internet's", () => {
    expect(lies("203.0.113.5")).toBe("internet:203.0.113.5");
    expect(lies("203.0.113.6")).toBe("external/internet");
  });
});

describe("focus", () => {
  test("a node brings its edges, peers and the gateways on the way", () => {
    const focus = focusOf(graph, { kind: "node", id: "server-b/non" })!;
    expect([...focus.edges].sort()).toEqual([2, 6]);
    expect(focus.nodes).toContain("server-a/private");
    expect(focus.nodes).toContain("server-a/com");
    expect(focus.nodes).not.toContain("external/internet");
  });

  test("a gateway brings what passes through it", () => {
    const focus = focusOf(graph, { kind: "node", id: "server-b/private" })!;
    expect([...focus.edges].sort()).toEqual([2, 3, 6]);
  });

  test("an edge brings its two ends", () => {
    const focus = focusOf(graph, { kind: "edge", index: 4 })!;
    expect([...focus.nodes].sort()).toEqual(["outside/9.9.9.9", "server-a/non", "server-a/private"]);
  });

  test("what is gone focuses nothing", () => {
    expect(focusOf(graph, { kind: "node", id: "nobody" })).toBeNull();
    expect(focusOf(graph, { kind: "server", id: "server-z" })).toBeNull();
  });
});

describe("search", () => {
  test("every word must occur, names that begin with it come first", () => {
    expect(search(graph, "com", 5).map((f) => f.title)).toEqual(["com", "com"]);
    expect(search(graph, "com server-b", 5)).toHaveLength(1);
    expect(search(graph, "nothing-like-it", 5)).toHaveLength(0);
  });
});

describe("filters", () => {
  test("a failure without a 4xx counts as 5xx", () => {
    expect(statusClass(200, false)).toBe("5xx");
    expect(statusClass(404, false)).toBe("4xx");
    expect(statusClass(101, true)).toBe("ok");
  });

  test("chips toggle, and the last one stays on", () => {
    const without = toggle(toggle(ALL, "ok"), "4xx");
    expect(shows(without, 200, true)).toBe(false);
    expect(shows(without, 502, false)).toBe(true);
    expect(toggle(without, "5xx")).toBe(without);
  });
});

test("the calls of some edges, newest first and bounded", () => {
  const calls = [call("a", { edge: 1 }), call("b", { edge: 2 }), call("c", { edge: 1 })];
  expect(callsOf(calls, [edges[1]], 10).map((c) => c.id)).toEqual(["a", "c"]);
  expect(callsOf(calls, [edges[1]], 1)).toHaveLength(1);
});
