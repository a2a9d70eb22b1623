import { describe, expect, test } from "vitest";
import { ALL } from "../src/select/filters";
import { NO_CHOICE } from "../src/select/project";
import { hasTerm, looksLikeQuery, quoted, termsOf, toggleTerm, withValue } from "../src/select/terms";
import { fromQuery, type Place, toQuery } from "../src/view/address";

const USUAL: Place = {
  view: "servers",
  q: "",
  classes: ALL.classes,
  select: null,
  call: null,
  panel: null,
  hulls: NO_CHOICE,
  stretch: null,
  camera: null,
  page: "graph",
  window: { sinceMs: null, untilMs: null },
  course: null,
};

describe("the address", () => {
  test("is empty for the usual view", () => {
    expect(toQuery(USUAL)).toBe("");
    expect(fromQuery("")).toEqual(USUAL);
  });

  test("brings back everything that was chosen", () => {
    const place: Place = {
      view: "services",
      q: 'server:a -path:/x* is:"two words"',
      classes: new Set(["4xx", "5xx"]),
      select: "edge:a>b:cross_server",
      call: "17-9",
      panel: "notices",
      hulls: { opened: new Set(["server-a"]), closed: new Set(["server-b"]) },
      stretch: 100,
      camera: { x: -120, y: 44, k: 0.75 },
      page: "requests",
      window: { sinceMs: Date.UTC(2026, 10, 22, 14, 30), untilMs: null },
      course: { atMs: Date.UTC(2026, 10, 22, 14, 32, 7), untilMs: null, speed: 0.25, paused: true },
    };
    expect(fromQuery(toQuery(place))).toEqual(place);
  });

  test("that cannot be read is the usual one", () => {
    expect(
      fromQuery("view=upside&status=&at=1,x,2&stretch=7&panel=kitchen&page=9&since=noon&replay=soon"),
    ).toEqual(USUAL);
  });
});

describe("terms of a query", () => {
  test("stand apart at spaces outside quotes and parentheses", () => {
    expect(termsOf('a:1 -b:"x y" (c:1 OR d:2)  e')).toEqual(["a:1", '-b:"x y"', "(c:1 OR d:2)", "e"]);
  });

  test("go on and off, and a field has one value", () => {
    expect(toggleTerm("a:1 b:2", "a:1")).toBe("b:2");
    expect(toggleTerm("b:2", "a:1")).toBe("b:2 a:1");
    expect(hasTerm("a:1 b:2", "b:2")).toBe(true);
    expect(withValue("method:GET x", "method", "PUT")).toBe("x method:PUT");
    expect(withValue("method:GET x", "method", "")).toBe("x");
  });

  test("are told from names", () => {
    expect(looksLikeQuery("status:5xx")).toBe(true);
    expect(looksLikeQuery("-service:health")).toBe(true);
    expect(looksLikeQuery("non-communicating")).toBe(false);
    expect(quoted("two words")).toBe('"two words"');
  });
});
