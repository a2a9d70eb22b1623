/**
 * The hub's messages into the stores, and from there into the picture.
 *
 * Enters: snapshots and frames. Leaves: changed stores. Always holds: a pause holds the picture; the stores go on.
 */
import type { Frame, Snapshot } from "#forms";
import { launch } from "../render/launch";
import type { Scene } from "../render/scene";
import { countClasses } from "../store/classes";
import { applyFrame, countedEdges, countedTotals, fromSnapshot } from "../store/graph";
import { count, emptyHistory, rebase } from "../store/history";
import { applyNotices } from "../store/notices";
import { applyCalls, requestsFromSnapshot } from "../store/requests";
import type { State } from "./app";
import type { Picture } from "./picture";

export class Intake {
  /** The hub's clock minus this browser's, in ms; told by live messages. */
  hubAheadMs = 0;

  constructor(
    private readonly state: State,
    private readonly scene: Scene,
    private readonly picture: Picture,
  ) {}

  takeSnapshot(snapshot: Snapshot): void {
    const { state } = this;
    this.heard(snapshot.time_ms);
    // Time goes backwards where a replay begins or is sought: what was counted is of another time.
    const another =
      snapshot.q !== state.graph.q || state.course !== null || snapshot.time_ms < state.graph.timeMs;
    state.graph = fromSnapshot(snapshot, state.course ? undefined : state.graph);
    if (another) [state.history, state.classes] = [emptyHistory(), new Map()];
    state.requests = requestsFromSnapshot(snapshot);
    applyNotices(state.notices, snapshot.notices);
    rebase(state.history, countedTotals(state.graph), snapshot.time_ms);
    if (!state.paused) this.picture.showGraph();
  }

  takeFrame(frame: Frame): void {
    const { state, scene } = this;
    this.heard(frame.time_ms);
    const matches = state.graph.matched?.size;
    const changes = applyFrame(state.graph, frame);
    count(state.history, countedTotals(state.graph), countedEdges(frame), frame.time_ms);
    countClasses(state.classes, frame.packets, frame.time_ms);
    state.hidden.packets += frame.hidden.packets;
    state.hidden.errors += frame.hidden.errors;
    applyCalls(state.requests, frame);
    applyNotices(state.notices, frame.notices);
    if (state.paused) return;
    this.picture.follow(changes);
    if (matches !== state.graph.matched?.size) this.picture.focus();
    if (!document.hidden && state.page === "graph")
      state.hidden.packets += launch(scene, state.graph, state.filters, state.stretch, frame);
  }

  /** What a message tells of the time. */
  private heard(timeMs: number): void {
    this.state.heardMs = performance.now();
    if (this.state.course) this.state.course.atMs = timeMs;
    else this.hubAheadMs = timeMs - Date.now();
  }
}
