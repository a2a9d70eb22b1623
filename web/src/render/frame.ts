/** What every painter gets: the graph, the layout, the camera, what is in focus. */
import type { Node } from "#forms";
import type { Layout } from "../layout/arrange";
import type { Shown } from "../select/project";
import type { Focus, Selection } from "../select/visible";
import { edgesOfNode, type Figures, sumFigures } from "../store/graph";
import type { Palette } from "./palette";

export interface Camera {
  k: number;
  x: number;
  y: number;
}

export interface Picture {
  graph: Shown;
  layout: Layout;
  camera: Camera;
  palette: Palette;
  /** Device pixels per CSS pixel. */
  ratio: number;
  width: number;
  height: number;
  focus: Focus | null;
  selection: Selection | null;
  hovered: Selection | null;
  /** Cards that show their containers. */
  unfolded: ReadonlySet<string>;
  /** Many things: without shadows and gradients. */
  plain: boolean;
}

/** A clean canvas, and world coordinates from here on. */
export function enterWorld(ctx: CanvasRenderingContext2D, picture: Picture, behind?: OffscreenCanvas): void {
  const { ratio, camera } = picture;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  if (behind) ctx.drawImage(behind, 0, 0);
  else ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
  ctx.setTransform(ratio * camera.k, 0, 0, ratio * camera.k, ratio * camera.x, ratio * camera.y);
}

/** Whether a world box is in the window. */
export function inView(picture: Picture, x: number, y: number, w: number, h: number): boolean {
  const { k, x: cx, y: cy } = picture.camera;
  return (
    x * k + cx < picture.width && (x + w) * k + cx > 0 && y * k + cy < picture.height && (y + h) * k + cy > 0
  );
}

export function same(a: Selection | null, b: Selection | null): boolean {
  if (!a || !b) return a === b;
  if (a.kind === "edge") return b.kind === "edge" && a.index === b.index;
  return b.kind === a.kind && a.id === b.id;
}

export function sameCamera(a: Camera, b: Camera): boolean {
  return a.k === b.k && a.x === b.x && a.y === b.y;
}

/** What the hub says it received; for what only calls, the sum of its edges. */
export function nodeFigures(picture: Picture, node: Node): Figures {
  const known = picture.graph.nodeFigures.get(node.id);
  if (known) return known;
  const edges = edgesOfNode(picture.graph, node.id);
  return sumFigures(edges.flatMap((e) => picture.graph.edgeFigures.get(e.index) ?? []));
}

export function ringColour(picture: Picture, id: string): string | null {
  const me = { kind: "node", id } as const;
  if (same(picture.selection, me)) return picture.palette.accent;
  return same(picture.hovered, me) ? `${picture.palette.accent}aa` : null;
}
