import { describe, expect, test } from "vitest";
import { DIM_ALPHA } from "../src/defaults";
import { track } from "../src/layout/curves";
import type { Route } from "../src/layout/edges";
import { Costs } from "../src/render/costs";
import { EFFECT, PACKET, Teller, timeOf } from "../src/render/moving";
import { Packets } from "../src/render/packets";
import { dotsOf, Pixels } from "../src/render/pixels";

const route = (edge: number): Route => {
  const cubics: Route["cubics"] = [[0, edge, 30, edge, 60, edge, 90, edge]];
  return { edge, style: "plain", cubics, track: track(cubics), knock: null, bundle: [edge] };
};
const request = (ok: boolean) => ({ ok, durationMs: 5, agoMs: 0, completedAtMs: 0 });

function packetsOn(...ways: [route: Route, ok: boolean][]): Packets {
  const packets = new Packets();
  for (const [way, ok] of ways) packets.add(way, 100, request(ok), 1, 40, false);
  return packets;
}

const rowsOf = (columns: Float64Array, width: number) =>
  Array.from({ length: columns.length / width }, (_, i) => [...columns.slice(i * width, (i + 1) * width)]);

describe("what the painter is told", () => {
  test("bad packets come last, so that they are painted above the others", () => {
    const { list } = packetsOn([route(1), false], [route(2), true]);
    const told = new Teller().tell(list, [], null, false);
    expect(rowsOf(told.packets, PACKET).map((row) => [row[1], row[4], row[5]])).toEqual([
      [100, 1, 0],
      [100, 1, 1],
    ]);
    expect(told.newest).toBe(2);
  });

  test("a track is told once, and forgotten where another layout needs it no more", () => {
    const [one, other] = [route(1), route(2)];
    const teller = new Teller();
    const first = packetsOn([one, true], [one, true], [other, true]).list;
    const numbers = teller.tell(first, [], null, false).tracks.map(([number]) => number);
    expect(numbers).toHaveLength(2);
    expect(teller.tell(first, [], null, false).tracks).toEqual([]);
    const second = packetsOn([other, true]).list;
    const swept = teller.tell(second, [], null, true);
    expect(swept.tracks).toEqual([]);
    expect(swept.packets[0]).toBe(numbers[1]);
    const again = teller.tell(packetsOn([one, true]).list, [], null, false).tracks;
    expect(again.map(([, told]) => told)).toEqual([one.track]);
    expect(numbers).not.toContain(again[0][0]);
  });

  test("what a selection does not concern is dimmed, bad packets less", () => {
    const { list } = packetsOn([route(1), true], [route(2), true], [route(3), false]);
    const focus = { nodes: new Set<string>(), edges: new Set([1]), servers: new Set<string>(), quiet: false };
    const told = new Teller().tell(list, [], focus, false);
    expect(rowsOf(told.packets, PACKET).map((row) => row[4])).toEqual([1, DIM_ALPHA * 0.5, DIM_ALPHA]);
  });

  test("a flash has its way's track, a ring none", () => {
    const way = route(1);
    const packets = new Packets();
    packets.add(way, 100, request(true), 1, 40, true);
    packets.add(way, 100, request(false), 1, 40, false);
    packets.advance(60_000);
    packets.add(way, 60_000, request(true), 1, 40, true);
    const told = new Teller().tell([], packets.effects, null, false);
    expect(told.tracks).toEqual([[0, way.track]]);
    expect(rowsOf(told.effects, EFFECT)).toEqual([[0, 0, 0, 60_000, 0, 0]]);
  });

  test("the clock stands while the picture is paused", () => {
    expect(timeOf({ flowMs: 500, atMs: 10_000, runs: true }, 10_030)).toBe(530);
    expect(timeOf({ flowMs: 500, atMs: 10_000, runs: false }, 10_030)).toBe(500);
  });
});

describe("packets that are told to a painter", () => {
  test("each is drawn for the first time once", () => {
    const packets = packetsOn([route(1), true], [route(2), true]);
    packets.add(route(3), 200, request(true), 1, 40, false);
    expect(packets.drawn(2).map(({ route: { edge } }) => edge)).toEqual([1, 2]);
    expect(packets.drawn(2)).toEqual([]);
    expect(packets.drawn(3).map(({ route: { edge } }) => edge)).toEqual([3]);
  });

  test("an arrival alone is no news, a ring that it leaves is", () => {
    const fine = packetsOn([route(1), true]);
    const before = fine.version;
    fine.advance(60_000);
    expect([fine.list.length, fine.version]).toEqual([0, before]);
    const bad = packetsOn([route(1), false]);
    const told = bad.version;
    bad.advance(100 + bad.list[0].travelMs + 10);
    expect(bad.version).toBeGreaterThan(told);
    expect(bad.effects).toHaveLength(1);
  });

  test("a ring is of when it arrived: a page that was hidden does not catch up on them", () => {
    const packets = packetsOn([route(1), false]);
    packets.advance(60_000);
    expect(packets.effects).toEqual([]);
  });
});

test("script times are of frames since they were forgotten, the newest 240", () => {
  const costs = new Costs();
  for (let ms = 1; ms <= 3; ms++) costs.note(ms);
  expect([...costs.newest()]).toEqual([1, 2, 3]);
  costs.forget();
  expect(costs.newest()).toHaveLength(0);
  for (let ms = 1; ms <= 250; ms++) costs.note(ms);
  expect([...costs.newest()].sort((a, b) => a - b)).toEqual(Array.from({ length: 240 }, (_, i) => i + 11));
});

describe("packets as pixels", () => {
  const [GREEN, WHITE, RED] = [
    [52, 211, 153],
    [255, 255, 255],
    [251, 113, 133],
  ];
  /** A row of two pixels: the first clear. */
  const row = (colour: number[], opacity: number, alpha = 1) =>
    dotsOf(Uint8ClampedArray.from([0, 0, 0, 0, ...colour, opacity]), 2, 1, alpha);
  const at = ({ image, width }: Pixels, x: number, y: number) => [
    ...image.data.slice(4 * (y * width + x), 4 * (y * width + x) + 4),
  ];

  test("keep their colour and their place, and what is clear stays clear", () => {
    const pixels = new Pixels(4, 3);
    pixels.stamp(row(GREEN, 200), 1, 1, false);
    expect(at(pixels, 2, 1)).toEqual([...GREEN, 200]);
    expect(at(pixels, 1, 1)).toEqual([0, 0, 0, 0]);
    pixels.clear();
    expect(Math.max(...pixels.image.data)).toBe(0);
  });

  test("of two that meet, the more opaque is seen, and a bad one where they are alike", () => {
    const pixels = new Pixels(4, 1);
    pixels.stamp(row(WHITE, 255), 0, 0, false);
    pixels.stamp(row(GREEN, 254), 0, 0, false);
    pixels.stamp(row(GREEN, 255), 0, 0, false);
    expect(at(pixels, 1, 0)).toEqual([...WHITE, 255]);
    pixels.stamp(row(RED, 255), 0, 0, true);
    expect(at(pixels, 1, 0)).toEqual([...RED, 255]);
  });

  test("over an edge, the part within is written, and nothing anywhere else", () => {
    const two = dotsOf(Uint8ClampedArray.from([...GREEN, 255, ...WHITE, 255]), 2, 1, 1);
    const pixels = new Pixels(3, 2);
    pixels.stamp(two, -1, 0, false);
    pixels.stamp(two, 2, 1, false);
    pixels.stamp(two, 0, 2, false);
    pixels.stamp(two, 0, -1, false);
    const written = [0, 1, 2, 3, 4, 5].filter((i) => pixels.image.data[4 * i + 3] > 0);
    expect(written).toEqual([0, 5]);
    expect([at(pixels, 0, 0), at(pixels, 2, 1)]).toEqual([
      [...WHITE, 255],
      [...GREEN, 255],
    ]);
  });

  test("an image of another width takes them at the same places", () => {
    const dots = dotsOf(Uint8ClampedArray.from([...GREEN, 255, ...WHITE, 255]), 1, 2, 1);
    for (const width of [5, 3, 5]) {
      const pixels = new Pixels(width, 2);
      pixels.stamp(dots, 1, 0, false);
      expect([at(pixels, 1, 0)[0], at(pixels, 1, 1)[0]]).toEqual([GREEN[0], WHITE[0]]);
    }
  });

  test("dimmed ones are written fainter, and what nobody would see is not", () => {
    const pixels = new Pixels(2, 1);
    pixels.stamp(row(GREEN, 200, 0.26), 0, 0, false);
    expect(at(pixels, 1, 0)).toEqual([...GREEN, 52]);
    expect(row(GREEN, 10, 0.26).colours).toHaveLength(0);
  });
});
