import { describe, expect, test } from "vitest";
import { applyFrame, countedEdges, countedTotals, fromSnapshot, sumFigures } from "../src/store/graph";
import { count, emptyHistory, rebase, sparkline } from "../src/store/history";
import { applyNotices, emptyNotices, markRead } from "../src/store/notices";
import { applyCalls, merge, requestsFromSnapshot } from "../src/store/requests";
import { call, edge, emptyStats, federation, frame, node, server, snapshot } from "./build";

describe("graph", () => {
  const { servers, nodes, edges } = federation();

  test("a snapshot replaces everything", () => {
    const graph = fromSnapshot(snapshot(servers, nodes, edges));
    expect(graph.servers.size).toBe(2);
    expect(graph.edges.get(2)?.origin).toBe("cross_server");
    expect(fromSnapshot(snapshot([], [], [])).nodes.size).toBe(0);
  });

  test("a frame that is not newer changes nothing", () => {
    const graph = fromSnapshot(snapshot(servers, nodes, edges, { seq: 7 }));
    const totals = { edge: [1], calls: [9], errors: [0], bytes: [0] };
    expect(applyFrame(graph, frame(7, { totals, stats: emptyStats() })).stats).toBe(false);
    expect(graph.totals.has(1)).toBe(false);
    applyFrame(graph, frame(8, { totals }));
    expect(graph.totals.get(1)?.calls).toBe(9);
  });

  test("an edge is no match any more once its last call is taken back", () => {
    const first = { edge: [1], calls: [1], errors: [0] };
    const graph = fromSnapshot(snapshot(servers, nodes, edges, { q: "is:half", matched: first }));
    const history = emptyHistory();
    rebase(history, countedTotals(graph), 1000);
    const next = frame(2, { matched: { edge: [1, 2], calls: [0, 1], errors: [0, 0] } });
    applyFrame(graph, next);
    count(history, countedTotals(graph), countedEdges(next), next.time_ms);
    expect([...graph.matched!.keys()]).toEqual([2]);
    const again = frame(3, { matched: { edge: [1], calls: [1], errors: [0] } });
    applyFrame(graph, again);
    count(history, countedTotals(graph), countedEdges(again), again.time_ms);
    expect(sparkline(history, [1]).reduce((sum, second) => sum + second.calls, 0)).toBe(1);
  });

  test("a skipped frame loses no count, because totals are cumulative", () => {
    const graph = fromSnapshot(snapshot(servers, nodes, edges));
    applyFrame(graph, frame(2, { totals: { edge: [1], calls: [10], errors: [1], bytes: [5] } }));
    applyFrame(graph, frame(9, { totals: { edge: [1], calls: [40], errors: [3], bytes: [9] } }));
    expect(graph.totals.get(1)).toEqual({ calls: 40, errors: 3, bytes: 9 });
  });

  test("a topology change adds whole forms and removes by id", () => {
    const graph = fromSnapshot(snapshot(servers, nodes, edges));
    const change = {
      version: 2,
      servers: [server("server-c")],
      nodes: [node("server-c/com", "service", "server-c")],
      edges: [edge(20, "server-c/com", "server-a/non", "cross_server")],
      removed_servers: ["server-b"],
      removed_nodes: ["server-b/com"],
      removed_edges: [3],
    };
    expect(applyFrame(graph, frame(2, { topology: change })).topology).toBe(true);
    expect([...graph.servers.keys()]).toEqual(["server-a", "server-c"]);
    expect(graph.nodes.has("server-b/com")).toBe(false);
    expect(graph.edges.has(3)).toBe(false);
    expect(graph.edges.get(20)?.from).toBe("server-c/com");
  });

  test("figures add up, and the worst percentile stands for all", () => {
    const one = { rate: 1, calls: 10, errors: 1, p50_ms: 2, p95_ms: 4, p99_ms: null, bytes: 5 };
    const sum = sumFigures([one, { ...one, p95_ms: 9, p99_ms: 12 }]);
    expect(sum).toEqual({ rate: 2, calls: 20, errors: 2, p50_ms: 2, p95_ms: 9, p99_ms: 12, bytes: 10 });
  });
});

describe("requests", () => {
  test("the newest stand first, each id once", () => {
    const known = merge([], [call("a", { start_ms: 1 }), call("b", { start_ms: 2 })], 10);
    const next = merge(known, [call("c", { start_ms: 3 }), call("a", { start_ms: 1, revision: 2 })], 10);
    expect(next.map((c) => c.id).sort()).toEqual(["a", "b", "c"]);
    expect(next[0].id).toBe("c");
    expect(next.find((c) => c.id === "a")?.revision).toBe(2);
  });

  test("lists are bounded", () => {
    const many = Array.from({ length: 50 }, (_, i) => call(`c${i}`, { start_ms: i }));
    expect(merge([], many, 20)).toHaveLength(20);
    expect(merge([], many, 20)[0].id).toBe("c49");
  });

  test("an amended call replaces its former revision and never goes back", () => {
    const requests = requestsFromSnapshot(
      snapshot([], [], [], { calls: [call("a", { missing: "callee_half" })] }),
    );
    applyCalls(requests, frame(2, { amended: [call("a", { revision: 2 })] }));
    expect(requests.calls[0]).toMatchObject({ missing: null, revision: 2 });
    applyCalls(requests, frame(3, { amended: [call("a", { revision: 1, missing: "callee_half" })] }));
    expect(requests.calls[0].revision).toBe(2);
  });

  test("bad calls are listed and counted, hidden ones counted too", () => {
    const requests = requestsFromSnapshot(snapshot([], [], []));
    const bad = call("x", { ok: false, status: 502 });
    const changed = applyCalls(
      requests,
      frame(2, { errors: [bad], hidden: { packets: 0, errors: 3, calls: 0 } }),
    );
    expect(changed).toBe(true);
    expect(requests.errors).toHaveLength(1);
    expect(requests.calls).toHaveLength(1);
    expect(requests.errorsSeen).toBe(4);
  });
});

describe("history", () => {
  const totals = (calls: number, errors = 0) => new Map([[1, { calls, errors, bytes: 0 }]]);

  test("only what grew since opening is counted", () => {
    const history = emptyHistory();
    rebase(history, totals(1000), 10_000);
    count(history, totals(1003, 1), [1], 10_500);
    count(history, totals(1005, 1), [1], 11_200);
    const seconds = sparkline(history, [1]);
    expect(seconds.at(-2)).toEqual({ calls: 3, errors: 1 });
    expect(seconds.at(-1)).toEqual({ calls: 2, errors: 0 });
    expect(seconds.reduce((sum, s) => sum + s.calls, 0)).toBe(5);
  });

  test("a hub that began anew adds nothing", () => {
    const history = emptyHistory();
    rebase(history, totals(1000), 10_000);
    count(history, totals(2), [1], 11_000);
    expect(sparkline(history, [1]).every((s) => s.calls === 0)).toBe(true);
  });

  test("a sparkline forgets what is older than its span", () => {
    const history = emptyHistory();
    rebase(history, totals(0), 10_000);
    count(history, totals(5), [1], 10_000);
    count(history, totals(6), [1], 75_000);
    const seconds = sparkline(history, [1]);
    expect(seconds).toHaveLength(60);
    expect(seconds.reduce((sum, s) => sum + s.calls, 0)).toBe(1);
  });
});

describe("notices", () => {
  const notice = (id: string, time: string, count = 1) =>
    ({
      id,
      kind: "outside",
      title: "",
      text: "",
      count,
      time,
      ended: null,
      node: null,
      edge: null,
      server: null,
    }) as const;

  test("a later notice of the same id replaces the former", () => {
    const notices = emptyNotices();
    applyNotices(notices, [notice("a", "2026-01-01T00:00:00Z"), notice("b", "2026-01-01T00:00:01Z")]);
    applyNotices(notices, [notice("a", "2026-01-01T00:00:02Z", 5)]);
    expect(notices.list.map((n) => [n.id, n.count])).toEqual([
      ["a", 5],
      ["b", 1],
    ]);
  });

  test("what was read stays read when it repeats", () => {
    const notices = emptyNotices();
    applyNotices(notices, [notice("a", "1")]);
    markRead(notices);
    applyNotices(notices, [notice("a", "2", 2)]);
    expect(notices.unread.size).toBe(0);
  });
});
