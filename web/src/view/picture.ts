/**
 * The graph on the scene: what of it is shown, where each view keeps it, and what was moved by hand.
 *
 * Enters: the state, and drags. Leaves: layouts, in the scene. Always holds: each view keeps its places; what was
 * moved by hand is one for all.
 */
import { forces } from "../backend/forces";
import { GONE_HIDDEN_AFTER_MS } from "../defaults";
import { arrange } from "../layout/arrange";
import { forceInput } from "../layout/flat";
import { emptyMemory, type Memory } from "../layout/model";
import type { Scene } from "../render/scene";
import { project, type ViewMode } from "../select/project";
import { focusOf, type Selection } from "../select/visible";
import { goneFor } from "../store/graph";
import type { Panel, State } from "./app";
import { rememberedMoves, rememberMoves } from "./remember";

const PANEL_W = 396;
/** A panel stands beside the picture from this width on; below it covers the picture's foot. */
const BESIDE_FROM_PX = 900;

export class Picture {
  private readonly memories: { servers: Memory } & Partial<Record<ViewMode, Memory>> = {
    servers: { ...emptyMemory(), moved: rememberedMoves() },
  };
  /** Servers that have left it. */
  private hiddenServers = 0;
  private readonly askForces = forces((places) => {
    this.memory("flat").flat = places;
    if (this.state.view === "flat") this.relayout();
  });

  constructor(
    private readonly state: State,
    private readonly scene: Scene,
  ) {}

  /** Takes in what there is, and lays it out anew. */
  showGraph(): void {
    this.show();
    this.relayout();
    if (this.state.view === "flat") this.askForces(forceInput(this.state.shown, this.memory("flat")));
  }

  /** After a frame: laid out anew where something came or went. */
  follow(changes: { topology: boolean; stats: boolean; status: boolean }): void {
    const hidden = goneFor(this.state.graph, GONE_HIDDEN_AFTER_MS).size;
    if (changes.topology || hidden !== this.hiddenServers) this.showGraph();
    else if (changes.stats || changes.status) this.show();
  }

  /** Brings out what belongs to the selection. */
  focus(): void {
    this.scene.setFocus(this.state.selection, focusOf(this.state.shown, this.state.selection));
  }

  drag(target: Selection, dx: number, dy: number, done: boolean): void {
    if (target.kind === "edge") return;
    const key = target.kind === "server" ? `hull:${target.id}` : target.id;
    const { moved } = this.memories.servers;
    const before = moved.get(key) ?? { dx: 0, dy: 0 };
    moved.set(key, { dx: before.dx + dx, dy: before.dy + dy });
    this.scene.control.byHand = true;
    this.relayout();
    if (done) rememberMoves(moved);
  }

  centerOn(selection: Selection): void {
    const { scene } = this;
    const { layout } = scene.picture;
    const box =
      selection.kind === "server"
        ? layout.hulls.get(selection.id)
        : selection.kind === "node"
          ? layout.items.get(selection.id)
          : undefined;
    if (box) return scene.center(box.x + box.w / 2, box.y + box.h / 2);
    const track = selection.kind === "edge" ? layout.routes.get(selection.index)?.track : undefined;
    const i = track ? Math.floor(track.count / 2) : 0;
    if (track) scene.center(track.points[2 * i], track.points[2 * i + 1]);
  }

  /** Room for the bars, and for the panel where there is enough of it. */
  place(open: Panel): void {
    const beside = open.kind !== "none" && open.kind !== "table" && window.innerWidth > BESIDE_FROM_PX;
    this.scene.setInsets({ top: 92, bottom: 108, left: 28, right: beside ? PANEL_W + 24 : 28 });
  }

  private show(): void {
    const { state } = this;
    this.hiddenServers = goneFor(state.graph, GONE_HIDDEN_AFTER_MS).size;
    state.shown = project(state.graph, state.view, state.hulls);
    this.scene.setGraph(state.shown);
  }

  /** The layout's clock is the page's: it only decides when a hull has settled. */
  private relayout(): void {
    const began = performance.now();
    this.scene.setLayout(arrange(this.state.shown, this.memory(this.state.view), began));
    this.scene.layoutMs = performance.now() - began;
    this.focus();
  }

  private memory(view: ViewMode): Memory {
    this.memories[view] ??= { ...emptyMemory(), moved: this.memories.servers.moved };
    return this.memories[view];
  }
}
