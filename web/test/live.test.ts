import { describe, expect, test } from "vitest";
import { liveQuery } from "../src/backend/live";
import { emptyGraph } from "../src/store/graph";
import { emptyHistory } from "../src/store/history";
import type { State } from "../src/view/app";
import { claims } from "../src/view/statusbar";
import { liveWords } from "../src/view/topbar";

const course = { atMs: Date.UTC(2026, 10, 22, 14, 32), untilMs: null, speed: 4, paused: false };

describe("the live socket's address", () => {
  test("is plain for now, and says where a replay begins", () => {
    expect(liveQuery("", null)).toBe("");
    expect(liveQuery("status:5xx", null)).toBe("?q=status%3A5xx");
    const query = new URLSearchParams(liveQuery("", { ...course, untilMs: course.atMs + 60_000 }));
    expect(Object.fromEntries(query)).toEqual({
      replay_from: "2026-11-22T14:32:00.000Z",
      speed: "4",
      until: "2026-11-22T14:33:00.000Z",
    });
  });
});

describe("a replay", () => {
  test("is never called live, nor stale while it is paused", () => {
    const state = { link: "live", heardMs: 0, paused: false, course } as const;
    expect(liveWords(state, 99_000).words).toBe("REPLAY 4×");
    expect(liveWords({ ...state, course: { ...course, paused: true } }, 99_000).words).toBe("REPLAY PAUSED");
    expect(liveWords({ ...state, link: "lost" }, 0).words).toBe("RECONNECTING");
  });

  test("is named in the status bar with its moment and speed", () => {
    const graph = { ...emptyGraph(), timeMs: course.atMs };
    const state = {
      graph,
      link: "live",
      hidden: { packets: 0, errors: 0 },
      history: emptyHistory(),
      course,
    } as unknown as State;
    expect(claims(state).first).toMatch(/^Replay of .*:32:00 at 4×$/);
    expect(claims(state).exact).toBe(false);
  });
});
