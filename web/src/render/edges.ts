/**
 * Hulls and the lines between things: the lowest canvas, painted when something changed.
 *
 * A leg is painted once however many edges share it; each has its own prebuilt path.
 */

import { Server } from "lucide";
import { DIM_ALPHA, HIGHLIGHT_MAX } from "../defaults";
import type { LegCurve } from "../layout/edges";
import { HULL_RADIUS, type Hull } from "../layout/model";
import { type Figures, NO_FIGURES, sumFigures } from "../store/graph";
import { backdrop } from "./backdrop";
import { grouped, ms, plural, rate, share } from "./format";
import { enterWorld, inView, type Picture, same } from "./frame";
import { iconPath } from "./icons";
import { fitted, setFont } from "./text";

const paths = new WeakMap<LegCurve, Path2D>();

export function pathOf(leg: LegCurve): Path2D {
  const known = paths.get(leg);
  if (known) return known;
  const path = new Path2D();
  path.moveTo(leg.cubics[0][0], leg.cubics[0][1]);
  for (const c of leg.cubics) path.bezierCurveTo(c[2], c[3], c[4], c[5], c[6], c[7]);
  paths.set(leg, path);
  return path;
}

export function paintBase(ctx: CanvasRenderingContext2D, picture: Picture): void {
  const { palette, width, height, ratio } = picture;
  enterWorld(ctx, picture, backdrop(palette, width, height, ratio));
  for (const hull of picture.layout.hulls.values()) {
    if (inView(picture, hull.x - 60, hull.y - 60, hull.w + 120, hull.h + 120)) paintHull(ctx, picture, hull);
  }
  ctx.lineCap = "round";
  const { focus } = picture;
  const far = picture.plain && picture.camera.k < FAR;
  const bright = (leg: LegCurve) => focus?.edges !== undefined && leg.edges.some((e) => focus.edges.has(e));
  for (const leg of picture.layout.legs) {
    if (far && within(picture, leg)) continue;
    if (legInView(picture, leg) && (!focus || !bright(leg))) paintLeg(ctx, picture, leg, false);
  }
  if (focus) {
    const all = picture.layout.legs.filter(bright);
    const chosen = focus.quiet ? all : all.slice(0, HIGHLIGHT_MAX);
    for (const leg of chosen) paintLeg(ctx, picture, leg, !focus.quiet, true);
  }
  const { hovered } = picture;
  if (hovered?.kind !== "edge") return;
  for (const leg of picture.layout.legs)
    if (leg.edges.includes(hovered.index)) paintLeg(ctx, picture, leg, true);
}

/** Below this scale lines within a hull are finer than a hair; what moves on them is seen all the same. */
const FAR = 0.16;

function within(picture: Picture, leg: LegCurve): boolean {
  const server = picture.layout.items.get(leg.from)?.server ?? null;
  return server !== null && server === picture.layout.items.get(leg.to)?.server;
}

const boxes = new WeakMap<LegCurve, [x: number, y: number, w: number, h: number]>();

/** A curve lies within the box of its control points. */
function legInView(picture: Picture, leg: LegCurve): boolean {
  let box = boxes.get(leg);
  if (!box) {
    const xs = leg.cubics.flatMap((c) => [c[0], c[2], c[4], c[6]]);
    const ys = leg.cubics.flatMap((c) => [c[1], c[3], c[5], c[7]]);
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    box = [x - 12, y - 12, Math.max(...xs) - x + 24, Math.max(...ys) - y + 24];
    boxes.set(leg, box);
  }
  return inView(picture, ...box);
}

function paintHull(ctx: CanvasRenderingContext2D, picture: Picture, hull: Hull): void {
  const { palette, graph } = picture;
  const server = graph.servers.get(hull.id);
  const gone = server?.connected === false;
  const chosen = picture.selection?.kind === "server" && picture.selection.id === hull.id;
  const hovered = same(picture.hovered, { kind: "server", id: hull.id });
  ctx.save();
  ctx.globalAlpha = gone ? 0.5 : 1;
  ctx.beginPath();
  ctx.roundRect(hull.x, hull.y, hull.w, hull.h, HULL_RADIUS);
  const fill = ctx.createLinearGradient(0, hull.y, 0, hull.y + hull.h);
  fill.addColorStop(0, palette.hullTop);
  fill.addColorStop(1, palette.hullBottom);
  if (!picture.plain) {
    ctx.shadowColor = palette.hullGlow;
    ctx.shadowBlur = 46 * picture.camera.k * picture.ratio;
  }
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.shadowColor = "transparent";
  ctx.lineWidth = chosen ? 2 : 1.2;
  ctx.strokeStyle = chosen || hovered ? palette.accent : palette.hullStroke;
  if (gone) ctx.setLineDash([7, 6]);
  ctx.stroke();
  ctx.restore();
  if (picture.camera.k > 0.25) paintHeader(ctx, picture, hull, gone);
  else paintFarName(ctx, picture, hull, gone);
}

const FAR_NAME_PX = 11;

/** From far away the name alone, as large as it can be read. */
function paintFarName(ctx: CanvasRenderingContext2D, picture: Picture, hull: Hull, gone: boolean): void {
  const size = FAR_NAME_PX / picture.camera.k;
  if (size > hull.h * 0.4) return;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  setFont(ctx, size, 650);
  ctx.fillStyle = gone ? picture.palette.warn : picture.palette.text;
  ctx.fillText(fitted(ctx, hull.id, hull.w - size), hull.x + size * 0.5, hull.y + size * 0.4);
}

function paintHeader(ctx: CanvasRenderingContext2D, picture: Picture, hull: Hull, gone: boolean): void {
  const { palette, graph } = picture;
  const server = graph.servers.get(hull.id);
  const y = hull.y + 33;
  let x = hull.x + 30;
  ctx.save();
  ctx.translate(x, y - 9);
  ctx.scale(0.75, 0.75);
  ctx.strokeStyle = palette.accent;
  ctx.lineWidth = 2;
  ctx.stroke(iconPath(Server));
  ctx.restore();
  x += 28;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  setFont(ctx, 17, 650);
  ctx.fillStyle = palette.text;
  const name = fitted(ctx, hull.id, hull.w * 0.3);
  ctx.fillText(name, x, y);
  x += ctx.measureText(name).width + 14;
  ctx.fillStyle = gone ? palette.warn : palette.ok;
  ctx.beginPath();
  ctx.arc(x, y, 4, 0, Math.PI * 2);
  ctx.fill();
  x += 14;
  const figures = hullFigures(picture, hull.id);
  setFont(ctx, 12.5, 500);
  const right = ctx.measureText(figures).width;
  ctx.fillStyle = gone ? palette.warn : palette.muted;
  const containers = containersOf(picture, hull.id);
  const facts = [
    gone ? "agent gone" : "",
    server?.internal_addresses.join(", ") ?? "",
    hull.collapsed ? "" : plural(containers.count, containers.unit),
  ];
  const text = facts.filter(Boolean).join("  ·  ");
  const room = hull.x + hull.w - 60 - x - (hull.collapsed ? 0 : right);
  ctx.fillText(fitted(ctx, text, room), x, y + 0.5);
  ctx.fillStyle = palette.muted;
  ctx.textAlign = hull.collapsed ? "center" : "right";
  if (hull.collapsed) ctx.fillText(figures, hull.x + hull.w / 2, hull.y + hull.h - 24);
  else ctx.fillText(figures, hull.x + hull.w - 30, y + 0.5);
}

function hullFigures(picture: Picture, server: string): string {
  const { graph } = picture;
  if (graph.view === "services") {
    const { rate: perSecond, p95_ms, error_share } = graph.whole;
    return `${rate(perSecond)} req/s  ·  ${ms(p95_ms)} p95  ·  ${share(error_share, 1)} err`;
  }
  const f = graph.serverFigures.get(server);
  if (!f || f.calls === 0) return "no calls in 60 s";
  return `${rate(f.rate)} req/s  ·  ${ms(f.p95_ms)} p95  ·  ${share(f.errors, f.calls)} err`;
}

function containersOf(picture: Picture, server: string): { count: number; unit: string } {
  let [containers, services] = [0, 0];
  for (const node of picture.graph.nodes.values()) {
    if (node.server !== server || node.kind !== "service") continue;
    containers += new Set(node.containers.map((container) => container.name)).size;
    services++;
  }
  return containers > 0 ? { count: containers, unit: "container" } : { count: services, unit: "service" };
}

export function legFigures(picture: Picture, leg: LegCurve): Figures {
  if (leg.edges.length === 1) return picture.graph.edgeFigures.get(leg.edges[0]) ?? NO_FIGURES;
  return sumFigures(leg.edges.flatMap((e) => picture.graph.edgeFigures.get(e) ?? []));
}

/** Lines grow with the logarithm of their rate. */
export function lineWidth(perSecond: number): number {
  return 1.3 + Math.log10(1 + perSecond) * 1.05;
}

const DASHES: Partial<Record<LegCurve["style"], number[]>> = {
  direct: [9, 6],
  hairpin: [3, 5],
  outside: [7, 5],
  undecided: [1.5, 5],
};

function paintLeg(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  leg: LegCurve,
  bright: boolean,
  inFocus = bright,
): void {
  const { palette } = picture;
  const figures = legFigures(picture, leg);
  const path = pathOf(leg);
  const trunk = leg.style === "trunk";
  const width = lineWidth(figures.rate) + (trunk ? 2.2 : 0);
  ctx.globalAlpha = picture.focus && !inFocus ? DIM_ALPHA : 1;
  if (trunk && !picture.plain) {
    ctx.lineWidth = width + 9;
    ctx.strokeStyle = palette.trunkGlow;
    ctx.stroke(path);
  }
  ctx.lineWidth = bright ? width + 0.8 : width;
  ctx.strokeStyle = colourOf(picture, leg, figures, bright);
  ctx.setLineDash(DASHES[leg.style] ?? []);
  ctx.stroke(path);
  ctx.setLineDash([]);
  if (!trunk && picture.camera.k > 0.5) paintChevron(ctx, leg);
  ctx.globalAlpha = 1;
}

function colourOf(picture: Picture, leg: LegCurve, figures: Figures, bright: boolean): string {
  const { palette } = picture;
  if (leg.style === "outside") return palette.bad;
  if (leg.style === "undecided") return palette.undecided;
  if (leg.style === "hairpin") return palette.hairpin;
  if (leg.style === "trunk" || leg.style === "direct") return palette.trunk;
  if (bright) return palette.edgeFocus;
  if (figures.calls > 0 && figures.errors / figures.calls > 0.5) return `${palette.bad}99`;
  return figures.rate > 0 ? palette.edgeActive : palette.edge;
}

/** A small arrow head at the end, so that direction is clear while nothing moves. */
function paintChevron(ctx: CanvasRenderingContext2D, leg: LegCurve): void {
  const [x, y] = leg.end;
  const back = x - leg.heading * 5.5;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(back, y - 3.2);
  ctx.lineTo(x - leg.heading * 1.5, y);
  ctx.lineTo(back, y + 3.2);
  ctx.stroke();
}

const LABELS: Partial<Record<LegCurve["style"], string>> = {
  direct: "direct",
  hairpin: "hairpin",
};

/** Label pills on arcs and on unusual lines; they stand above what moves. */
export function paintLegLabels(ctx: CanvasRenderingContext2D, picture: Picture): void {
  if (picture.camera.k < 0.4 || picture.graph.view === "flat") return;
  for (const leg of picture.layout.legs) {
    const figures = leg.style === "trunk" || LABELS[leg.style] ? legFigures(picture, leg) : null;
    if (!figures) continue;
    const dim = picture.focus && !leg.edges.some((e) => picture.focus?.edges.has(e));
    ctx.globalAlpha = dim ? 0.26 : 1;
    if (leg.style === "trunk") paintLabel(ctx, picture, leg, `cross-server · ${rate(figures.rate)}/s`, true);
    else paintLabel(ctx, picture, leg, LABELS[leg.style]!, false);
    ctx.globalAlpha = 1;
  }
}

function paintLabel(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  leg: LegCurve,
  text: string,
  strong: boolean,
): void {
  const { palette } = picture;
  setFont(ctx, strong ? 11 : 10, 620);
  const w = ctx.measureText(text).width + (strong ? 22 : 14);
  const h = strong ? 22 : 17;
  const [x, y] = leg.middle;
  ctx.beginPath();
  ctx.roundRect(x - w / 2, y - h / 2, w, h, h / 2);
  ctx.fillStyle = strong ? palette.label : palette.card[1];
  ctx.fill();
  ctx.lineWidth = 1;
  ctx.strokeStyle = strong || leg.style === "direct" ? palette.trunk : palette.cardStroke;
  ctx.stroke();
  ctx.fillStyle = strong ? palette.labelText : leg.style === "direct" ? palette.labelText : palette.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x, y + 0.5);
}

/** For the accessible table and tooltips: "12 calls, 3 errors in 60 s". */
export function sentence(figures: Figures): string {
  return `${grouped(figures.calls)} calls, ${grouped(figures.errors)} errors in 60 s, ${rate(figures.rate)}/s, p95 ${ms(figures.p95_ms)}`;
}
