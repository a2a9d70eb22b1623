import { describe, expect, test } from "vitest";
import type { Call, Hop } from "#forms";
import { chainRows } from "../src/select/chain";

function hop(server: string, startMs: number, duration_ms: number, upstream_ms = duration_ms): Hop {
  return { server, start: new Date(startMs).toISOString(), duration_ms, upstream_ms } as Hop;
}

function call(id: string, parent: string | null, hops: Hop[]): Call {
  return { id, parent, hops, start: hops[0].start, duration_ms: hops[0].duration_ms } as Call;
}

describe("a chain of requests", () => {
  // server-b's clock is an hour ahead.
  const root = call("r", null, [hop("a", 1000, 100, 90), hop("b", 3_601_010, 80, 70)]);
  const child = call("c", "r", [hop("b", 3_601_030, 20)]);
  const grandchild = call("g", "c", [hop("b", 3_601_035, 5)]);

  test("is placed by the clock that parent and child share", () => {
    const rows = chainRows(root, [grandchild, child, root]);
    expect(rows.map(({ call: c, depth }) => [c.id, depth])).toEqual([
      ["r", 0],
      ["c", 1],
      ["g", 2],
    ]);
    // a: 100 with 90 upstream from 5; b: 80 in the middle of these, from 10.
    expect(rows[0].servedFromMs).toBeCloseTo(15);
    expect(rows[1].fromMs).toBeCloseTo(10 + 20);
    expect(rows[2].fromMs).toBeCloseTo(35);
  });

  test("keeps a child in its parent where no clock is shared", () => {
    const stranger = call("s", "r", [hop("c", 99_000_000, 20)]);
    const [, at] = chainRows(root, [root, stranger]);
    expect(at.fromMs).toBeGreaterThanOrEqual(15);
    expect(at.toMs).toBeLessThanOrEqual(85);
  });

  test("ends where calls name each other in a ring", () => {
    const ring = [call("x", "y", [hop("a", 0, 1)]), call("y", "x", [hop("a", 0, 1)])];
    expect(chainRows(ring[0], ring)).toHaveLength(2);
  });
});
