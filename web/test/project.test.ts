import { describe, expect, test } from "vitest";
import { COLLAPSE_FROM, GONE_HIDDEN_AFTER_MS, INTRUDERS_MAX } from "../src/defaults";
import { arrange } from "../src/layout/arrange";
import { track } from "../src/layout/curves";
import { emptyMemory } from "../src/layout/model";
import {
  ALL_SERVERS,
  collapsedServers,
  MORE_INTRUDERS,
  NO_CHOICE,
  project,
  toggleHull,
  totalsNode,
} from "../src/select/project";
import { fromSnapshot } from "../src/store/graph";
import { edge, federation, node, snapshot, withBusy } from "./build";

const SIX = ["a", "b", "c", "d", "e", "f"];
const graphOf = (world: ReturnType<typeof federation>) =>
  fromSnapshot(snapshot(world.servers, world.nodes, world.edges));

describe("the internet's busiest", () => {
  const shown = (world: ReturnType<typeof federation>) => project(graphOf(world), "servers", NO_CHOICE);

  test("stand beside what is left of it", () => {
    const { nodes, rests } = shown(withBusy("203.0.113.5"));
    expect(nodes.has("external/internet")).toBe(true);
    expect([...rests]).toEqual(["external/internet"]);
    expect(shown(federation()).rests.size).toBe(0);
  });

  test("stand alone where nobody is left", () => {
    const world = withBusy("203.0.113.5");
    world.edges = world.edges.filter((e) => e.from !== "external/internet");
    const { nodes } = shown(world);
    expect(nodes.has("external/internet")).toBe(false);
    expect(nodes.has("internet:203.0.113.5")).toBe(true);
  });
});

describe("hulls", () => {
  test("show their totals from five servers on, and what a person opened stays open", () => {
    const servers = SIX.slice(0, COLLAPSE_FROM);
    expect(collapsedServers(servers.slice(1), NO_CHOICE).size).toBe(0);
    expect(collapsedServers(servers, NO_CHOICE).size).toBe(servers.length);
    const opened = toggleHull(NO_CHOICE, "a", false);
    expect(collapsedServers(servers, opened).has("a")).toBe(false);
    expect(collapsedServers(["a"], toggleHull(opened, "a", true))).toEqual(new Set(["a"]));
  });

  test("that are closed have one card, and every edge still has a way", () => {
    const world = federation(SIX);
    const shown = project(graphOf(world), "servers", NO_CHOICE);
    expect(shown.shownAs.get("server-a/com")).toBe(totalsNode("server-a"));
    expect(shown.nodes.get(totalsNode("server-a"))!.name).toBe("2 services");
    const { routes, items } = arrange(shown, emptyMemory(), 0);
    expect([...routes.keys()].sort((a, b) => a - b)).toEqual(world.edges.map((e) => e.index));
    expect([...items.values()].filter((item) => item.kind === "card")).toHaveLength(SIX.length);
  });

  test("a call within a closed hull goes to its private gateway and back", () => {
    const { routes, items } = arrange(
      project(graphOf(federation(SIX)), "servers", NO_CHOICE),
      emptyMemory(),
      0,
    );
    const pill = items.get("server-a/private")!;
    const { cubics } = routes.get(1)!;
    const xs = cubics.flatMap((c) => [c[0], c[6]]);
    expect(Math.max(...xs)).toBeGreaterThanOrEqual(pill.x);
  });
});

test("between the hulls of a grid no line crosses a hull", () => {
  const world = federation(SIX);
  for (let i = 0; i < 30; i++) world.nodes.push(node(`server-b/more-${i}`, "service", "server-b"));
  SIX.forEach((from, i) => {
    SIX.forEach((to, k) => {
      const via = [`server-${from}/private`, `server-${to}/private`];
      if (from !== to)
        world.edges.push(
          edge(100 + 10 * i + k, `server-${from}/com`, `server-${to}/non`, "cross_server", via),
        );
    });
  });
  const opened = toggleHull(NO_CHOICE, "server-b", false);
  const { legs, hulls } = arrange(project(graphOf(world), "servers", opened), emptyMemory(), 0);
  const trunks = legs.filter((leg) => leg.style === "trunk");
  expect(trunks).toHaveLength(15);
  for (const leg of trunks) {
    const { points, count } = track(leg.cubics);
    for (let i = 0; i < count; i++) {
      const [x, y] = [points[2 * i], points[2 * i + 1]];
      const crossed = [...hulls.values()].find(
        (h) => x > h.x + 16 && x < h.x + h.w - 16 && y > h.y + 2 && y < h.y + h.h - 2,
      );
      expect(crossed, `${leg.key} at ${x}, ${y}`).toBeUndefined();
    }
  }
});

describe("views", () => {
  test("services of one name are one node over all servers, and their edges keep their index", () => {
    const shown = project(graphOf(federation()), "services", NO_CHOICE);
    expect(shown.groups.get("service:com")!.map((n) => n.id)).toEqual(["server-a/com", "server-b/com"]);
    expect([...shown.servers.keys()]).toEqual([ALL_SERVERS]);
    expect(shown.edges.get(2)).toMatchObject({ from: "service:com", to: "service:non", via: [] });
    expect(shown.edges.size).toBe(9);
  });

  test("flat, there are no hulls, and gateways only where they answer by themselves", () => {
    const shown = project(graphOf(federation()), "flat", NO_CHOICE);
    expect(shown.servers.size).toBe(0);
    expect(shown.nodes.has("server-a/public")).toBe(true);
    expect(shown.nodes.has("server-b/public")).toBe(false);
  });

  test("the hub's graph is left as it was", () => {
    const graph = graphOf(federation());
    project(graph, "services", NO_CHOICE);
    expect(graph.edges.get(2)!.from).toBe("server-a/com");
  });
});

test("intruders beyond the bound share a node, and the first ones keep theirs", () => {
  const world = federation();
  for (let i = 0; i < 20; i++) {
    world.nodes.push(
      node(`outside/7.7.7.${i}`, "outside", null, { first_seen: `2026-01-01T00:00:${10 + i}Z` }),
    );
    world.edges.push(edge(100 + i, `outside/7.7.7.${i}`, "server-a/non", "outside", ["server-a/private"]));
  }
  const shown = project(graphOf(world), "servers", NO_CHOICE);
  const intruders = [...shown.nodes.values()].filter((n) => n.kind === "outside");
  expect(intruders).toHaveLength(INTRUDERS_MAX);
  expect(shown.nodes.has("outside/7.7.7.0")).toBe(true);
  expect(shown.shownAs.get("outside/7.7.7.19")).toBe(MORE_INTRUDERS);
  expect(shown.nodes.get(MORE_INTRUDERS)!.name).toBe(`${21 - INTRUDERS_MAX + 1} more intruders`);
});

test("a server that left fades and is hidden after a while, and is there again when it comes back", () => {
  const world = federation();
  world.servers[1] = { ...world.servers[1], connected: false };
  const seen = (timeMs: number, before?: ReturnType<typeof fromSnapshot>) =>
    fromSnapshot(snapshot(world.servers, world.nodes, world.edges, { time_ms: timeMs }), before);
  const first = seen(1000);
  expect(project(first, "servers", NO_CHOICE).servers.has("server-b")).toBe(true);
  const later = seen(1001 + GONE_HIDDEN_AFTER_MS, first);
  const shown = project(later, "servers", NO_CHOICE);
  expect([...shown.servers.keys()]).toEqual(["server-a"]);
  expect([...shown.edges.values()].some((e) => e.via.some((id) => id.startsWith("server-b")))).toBe(false);
  world.servers[1] = { ...world.servers[1], connected: true };
  expect(project(seen(2000 + GONE_HIDDEN_AFTER_MS, later), "servers", NO_CHOICE).servers.size).toBe(2);
});

test("an upstream outside the federation stands on the right, past the card's own gateway", () => {
  const world = federation();
  world.nodes.push(node("external:api.example", "external", null));
  world.edges.push(edge(50, "server-a/com", "external:api.example", "same_server", ["server-a/private"]));
  const { items, hulls, routes } = arrange(project(graphOf(world), "servers", NO_CHOICE), emptyMemory(), 0);
  const hull = hulls.get("server-a")!;
  expect(items.get("external:api.example")!.x).toBeGreaterThan(hull.x + hull.w);
  expect(routes.has(50)).toBe(true);
});
