import { describe, expect, test } from "vitest";
import type { Hop } from "#forms";
import { PACKETS_MAX, STRETCHED_MAX_MS } from "../src/defaults";
import { track } from "../src/layout/curves";
import type { Route } from "../src/layout/edges";
import { fitCamera } from "../src/render/camera";
import { ms, rate, share } from "../src/render/format";
import { keptShare, Packets } from "../src/render/packets";
import { stretchedMs, stretchText, travelMs } from "../src/render/stretch";
import { cutMiddle } from "../src/render/text";
import { liveWords, nextTheme } from "../src/view/topbar";
import { barsOf } from "../src/view/waterfall";

describe("stretch", () => {
  test("shows a duration as many times longer, up to a bound", () => {
    expect(stretchedMs(10, 40)).toBe(400);
    expect(stretchedMs(30_000, 40)).toBe(STRETCHED_MAX_MS);
    expect(stretchedMs(10, 0)).toBe(0);
    expect(stretchText(40)).toBe("10 ms shown as 0.4 s");
  });

  test("a slower request travels longer on the same way, a longer way takes longer", () => {
    expect(travelMs(20, 500, 40)).toBeGreaterThan(travelMs(10, 500, 40));
    expect(travelMs(10, 900, 40)).toBeGreaterThan(travelMs(10, 500, 40));
  });
});

describe("packets", () => {
  const cubics: Route["cubics"] = [[0, 0, 30, 0, 60, 0, 90, 0]];
  const bundles = Array.from({ length: PACKETS_MAX + 1 }, (_, edge) => [edge]);
  const route = (edge: number, style: Route["style"] = "plain"): Route => ({
    edge,
    style,
    cubics,
    track: track(cubics),
    knock: style === "outside" ? { at: [45, 0], share: 0.5 } : null,
    bundle: bundles[edge],
  });
  const request = (ok: boolean) => ({ ok, durationMs: 5, agoMs: 0, completedAtMs: 0 });

  test("each request is one packet up to 3 a second", () => {
    const packets = new Packets();
    for (let i = 0; i < 30; i++) packets.add(route(1), i, request(true), 3, 40, false);
    expect(packets.list).toHaveLength(30);
  });

  test("above that ok ones are thinned evenly and bad ones never", () => {
    const packets = new Packets();
    for (let i = 0; i < 1000; i++) packets.add(route(1), i, request(i % 10 !== 0), 1000, 40, false);
    expect(packets.list.filter((p) => !p.ok)).toHaveLength(100);
    expect(packets.list.filter((p) => p.ok).length).toBeLessThan(30);
    expect(packets.list.filter((p) => p.ok).length).toBeGreaterThan(8);
  });

  test("a stream grows denser with its rate", () => {
    expect(keptShare(10) * 10).toBeGreaterThan(3);
    expect(keptShare(100) * 100).toBeGreaterThan(keptShare(10) * 10);
  });

  test("the budget holds, and a bad packet displaces an ok one", () => {
    const packets = new Packets();
    for (let i = 0; i < PACKETS_MAX; i++) packets.add(route(i), 0, request(true), 1, 40, false);
    expect(packets.add(route(5), 0, request(false), 1, 40, false)).toBe(true);
    expect(packets.list).toHaveLength(PACKETS_MAX);
    expect(packets.list.some((p) => !p.ok)).toBe(true);
    expect(packets.crowdedOut).toBe(1);
  });

  test("where more come than can be drawn, each that is drawn arrives, on all ways alike", () => {
    const packets = new Packets();
    const ways = 500;
    let drawn = 0;
    for (let i = 0; i < 30_000; i++) {
      if (i % 100 === 0) packets.advance(i / 10);
      const before = packets.list.length;
      packets.add(route(i % ways), i / 10, request(true), 3, 40, false);
      drawn += packets.list.length - before;
    }
    const born = new Map<number, number>();
    for (const { route } of packets.list) born.set(route.edge, (born.get(route.edge) ?? 0) + 1);
    expect(packets.list.length).toBeLessThan(PACKETS_MAX);
    expect(packets.list.length).toBeGreaterThan(0.7 * PACKETS_MAX);
    expect(born.size).toBe(ways);
    expect(Math.max(...born.values())).toBeLessThan(3 * (packets.list.length / ways));
    expect(drawn + packets.crowdedOut).toBe(30_000);
  });

  test("a bad packet leaves a ring where it arrives, a knock one at the gateway", () => {
    const packets = new Packets();
    packets.add(route(1), 0, request(true), 1, 40, false);
    packets.add(route(2), 0, request(false), 1, 40, false);
    packets.add(route(3, "outside"), 0, request(true), 1, 40, false);
    expect(packets.effects).toMatchObject([{ kind: "ring", x: 45, y: 0, wide: true }]);
    packets.advance(1500);
    expect(packets.list).toHaveLength(0);
    expect(packets.effects).toMatchObject([{ kind: "ring", x: 90, y: 0, wide: false }]);
  });

  test("with reduced motion the way flashes instead", () => {
    const packets = new Packets();
    packets.add(route(1), 0, request(false), 1, 40, true);
    expect(packets.list).toHaveLength(0);
    expect(packets.effects[0].kind).toBe("line");
  });

  test("packets of an edge that is gone go with it, others take the new way", () => {
    const packets = new Packets();
    packets.add(route(1), 0, request(true), 1, 40, false);
    packets.add(route(2), 0, request(true), 1, 40, false);
    const fresh = route(2);
    packets.reroute(new Map([[2, fresh]]));
    expect(packets.list.map((p) => p.route)).toEqual([fresh]);
  });
});

describe("camera", () => {
  test("fits bounds into what the bars leave free, centred", () => {
    const camera = fitCamera({ x: -100, y: 0, w: 1000, h: 400 }, 1200, 800, {
      top: 100,
      right: 100,
      bottom: 100,
      left: 100,
    });
    expect(camera.k).toBe(1);
    expect(camera.x).toBe(200);
    expect(camera.y).toBe(200);
  });
});

describe("text", () => {
  test("is cut in the middle", () => {
    expect(cutMiddle("short", (t) => t.length <= 10)).toBe("short");
    const cut = cutMiddle("non-communicating-service", (t) => t.length <= 12);
    expect(cut).toHaveLength(12);
    expect(cut.startsWith("non-") && cut.endsWith("ice")).toBe(true);
  });

  test("figures read well", () => {
    expect([rate(0), rate(0.04), rate(2.44), rate(1234)]).toEqual(["0", "<0.1", "2.4", "1\u202f234"]);
    expect([ms(null), ms(0.087), ms(2.44), ms(140), ms(1500), ms(30_000)]).toEqual([
      "–",
      "0.09 ms",
      "2.4 ms",
      "140 ms",
      "1.50 s",
      "30.0 s",
    ]);
    expect([share(0, 0), share(0, 5), share(1, 8), share(8, 8)]).toEqual(["–", "0 %", "12.5 %", "100 %"]);
  });
});

describe("live state", () => {
  test("claims LIVE only while messages come", () => {
    expect(liveWords({ link: "live", heardMs: 1000, paused: false, course: null }, 1500).words).toBe("LIVE");
    expect(liveWords({ link: "live", heardMs: 1000, paused: false, course: null }, 9000).words).toBe(
      "STALE 8 s",
    );
    expect(liveWords({ link: "lost", heardMs: 1000, paused: false, course: null }, 1500).words).toBe(
      "RECONNECTING",
    );
    expect(liveWords({ link: "live", heardMs: 1000, paused: true, course: null }, 1500).words).toBe("PAUSED");
  });

  test("themes go round", () => {
    expect(nextTheme("system")).toBe("dark");
    expect(nextTheme("light")).toBe("system");
  });
});

test("the inner hop is drawn within the outer one's upstream time", () => {
  const hop = (duration_ms: number, upstream_ms: number, overhead_ms: number) =>
    ({ server: "s", kind: "private", duration_ms, upstream_ms, overhead_ms }) as Hop;
  const [outer, inner] = barsOf([hop(10, 8, 2), hop(6, 5, 1)]);
  expect(outer).toMatchObject({ from: 0, to: 10, upstream: { from: 1, to: 9 } });
  expect(inner.from).toBe(2);
  expect(inner.to).toBe(8);
});
