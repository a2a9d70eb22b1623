import { describe, expect, test } from "vitest";
import { COLLAPSE_FROM, INTRUDERS_MAX } from "../src/defaults";
import { arrange } from "../src/layout/arrange";
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
import { edge, federation, node, snapshot } from "./build";

const SIX = ["a", "b", "c", "d", "e", "f"];
const graphOf = (world: ReturnType<typeof federation>) =>
  fromSnapshot(snapshot(world.servers, world.nodes, world.edges));

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
