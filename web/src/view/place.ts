/** From what is shown to its address, and from an address to what is to be shown once the hub has told it. */
import { STRETCH_DEFAULT } from "../defaults";
import type { Scene } from "../render/scene";
import type { Selection } from "../select/visible";
import type { Graph } from "../store/graph";
import type { Place } from "./address";
import type { Panel, State } from "./app";

export function placeOf(state: State, scene: Scene): Place {
  const { panel } = state;
  const { kind } = panel;
  return {
    view: state.view,
    q: state.q,
    classes: state.filters.classes,
    select: selectText(state.graph, state.selection),
    call: kind === "call" ? panel.id : null,
    panel: kind === "bad" || kind === "notices" || kind === "table" ? kind : null,
    hulls: state.hulls,
    stretch: state.stretch === STRETCH_DEFAULT ? null : state.stretch,
    camera: scene.viewpoint(),
    page: state.page,
    window: state.window,
    course: state.course && { ...state.course, atMs: Math.floor(state.course.atMs / 1000) * 1000 },
  };
}

function selectText(graph: Graph, selection: Selection | null): string | null {
  if (!selection) return null;
  if (selection.kind !== "edge") return `${selection.kind}:${selection.id}`;
  const edge = graph.edges.get(selection.index);
  return edge ? `edge:${edge.id}` : null;
}

/** Null: there is no such thing now. */
export function selectionOf(graph: Graph, text: string): Selection | null {
  const [kind, id] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (kind === "server") return graph.servers.has(id) ? { kind, id } : null;
  if (kind === "node") return { kind, id };
  const edge = [...graph.edges.values()].find((e) => e.id === id);
  return kind === "edge" && edge ? { kind, index: edge.index } : null;
}

export function panelOf(place: Place): Panel {
  if (place.call) return { kind: "call", id: place.call, back: place.select ? "selection" : "bad" };
  if (place.panel) return { kind: place.panel };
  return place.select ? { kind: "selection" } : { kind: "none" };
}
