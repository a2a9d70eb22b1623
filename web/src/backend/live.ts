/**
 * The live socket: `/api/v1/live` of the same origin; with a course, a replay of the past.
 *
 * Leaves: parsed snapshots and frames, and the connection's state. Always holds: one socket at a
 * time; acknowledges the newest frame as it arrives, twice a second at most (a hidden page's timers
 * sleep, its messages do not); reconnects after a random pause, or goes to the login page where the
 * session has ended; a message that cannot be read closes the socket, so that the next snapshot sets
 * things right; a replay whose connection broke goes on where it was.
 */
import type { BadQuery, Frame, FrameAck, Play, Query, Snapshot } from "#forms";
import { ACK_INTERVAL_MS, RECONNECT_MAX_MS, RECONNECT_MIN_MS } from "../defaults";
import { goToLoginWhereAsked } from "./login";

export type LinkState = "connecting" | "live" | "lost";

export interface LiveHandlers {
  snapshot(message: Snapshot): void;
  frame(message: Frame): void;
  badQuery(message: BadQuery): void;
  state(state: LinkState, reason: string): void;
}

/** Where a replay is, in ms since 1970, where it ends (null: it catches up with now), and how it goes. */
export interface Course {
  atMs: number;
  untilMs: number | null;
  speed: number;
  paused: boolean;
}

export interface Link {
  /** Asks for what fits this filter only; kept over reconnections. A replay begins anew where it is. */
  filter(q: string): void;
  /** Shows the past on this course; null: what happens now. */
  replay(course: Course | null): void;
  /** Goes on from there, that fast, or stops and goes; of a replay only. */
  steer(change: Partial<Pick<Course, "atMs" | "speed" | "paused">>): void;
  close(): void;
}

export function liveUrl(location: Location): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`;
}

/** The socket's address for a filter and a course. */
export function liveQuery(q: string, course: Course | null): string {
  const query = new URLSearchParams();
  if (q) query.set("q", q);
  if (course) {
    query.set("replay_from", new Date(course.atMs).toISOString());
    query.set("speed", String(course.speed));
    if (course.untilMs !== null) query.set("until", new Date(course.untilMs).toISOString());
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

export function connectLive(
  url: string,
  q: string,
  handlers: LiveHandlers,
  from: Course | null = null,
): Link {
  let socket: WebSocket | null = null;
  let seq = 0;
  let acknowledgedAt = 0;
  let closed = false;
  let retry = 0;
  let wanted = q;
  let course = from;

  const open = () => {
    window.clearTimeout(retry);
    handlers.state("connecting", "");
    const current = new WebSocket(url + liveQuery(wanted, course));
    socket = current;
    current.onopen = () => course?.paused && send({ paused: true });
    current.onmessage = (event) => take(current, String(event.data));
    current.onclose = (event) => lost(current, event.reason);
  };

  const take = (from: WebSocket, text: string) => {
    if (from !== socket) return;
    const message = parse(text);
    if (message === null) return from.close(4000, "unreadable message");
    if (message.type === "bad_query") return handlers.badQuery(message);
    seq = message.seq;
    if (course) course.atMs = message.time_ms;
    if (message.type === "snapshot") {
      handlers.state("live", "");
      handlers.snapshot(message);
    } else {
      handlers.frame(message);
    }
    if (performance.now() - acknowledgedAt >= ACK_INTERVAL_MS) acknowledge(from);
  };

  const lost = (from: WebSocket, reason: string) => {
    if (from !== socket || closed) return;
    socket = null;
    handlers.state("lost", reason);
    void goToLoginWhereAsked();
    retry = window.setTimeout(open, reconnectDelay(Math.random()));
  };

  const ask = (to: WebSocket | null) => {
    const query: Query = { type: "query", q: wanted };
    if (to?.readyState === WebSocket.OPEN) to.send(JSON.stringify(query));
  };

  const acknowledge = (to: WebSocket) => {
    const ack: FrameAck = { type: "ack", seq };
    if (to.readyState === WebSocket.OPEN) to.send(JSON.stringify(ack));
    acknowledgedAt = performance.now();
  };

  const send = (play: Omit<Partial<Play>, "type">) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "play", ...play }));
  };

  const reopen = () => {
    const before = socket;
    open();
    before?.close();
  };

  open();
  return {
    filter(q) {
      wanted = q;
      if (course) reopen();
      else ask(socket);
    },
    replay(next) {
      course = next && { ...next };
      reopen();
    },
    steer({ atMs, speed, paused }) {
      if (!course) return;
      if (atMs !== undefined) course.atMs = atMs;
      if (speed !== undefined) course.speed = speed;
      if (paused !== undefined) course.paused = paused;
      const at = atMs === undefined ? undefined : new Date(atMs).toISOString();
      send({ at, speed, paused });
    },
    close() {
      closed = true;
      window.clearTimeout(retry);
      socket?.close();
    },
  };
}

/** `random` in [0, 1) → ms until the next attempt. */
export function reconnectDelay(random: number): number {
  return RECONNECT_MIN_MS + random * (RECONNECT_MAX_MS - RECONNECT_MIN_MS);
}

const KNOWN: ReadonlySet<string> = new Set(["snapshot", "frame", "bad_query"]);

function parse(text: string): Snapshot | Frame | BadQuery | null {
  try {
    const message = JSON.parse(text);
    return KNOWN.has(message?.type) ? message : null;
  } catch {
    return null;
  }
}
