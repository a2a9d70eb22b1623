/**
 * Cards, gateways, chips and discs: the upper canvas, painted when something changed.
 */
import type { Node } from "#forms";
import { DIM_ALPHA } from "../defaults";
import { centerX, centerY, type Item } from "../layout/model";
import { serverOfTotals } from "../select/project";
import { kindText } from "../select/visible";
import { edgesOfNode, type Figures, sumFigures } from "../store/graph";
import { paintLegLabels } from "./edges";
import { ms, plural, rate } from "./format";
import { enterWorld, inView, type Picture, same } from "./frame";
import { type Glyph, glyphOf, iconPath } from "./icons";
import { fitted, setFont } from "./text";

export function paintNodes(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  alphaOf: (id: string) => number,
): void {
  enterWorld(ctx, picture);
  for (const item of picture.layout.items.values()) {
    const node = picture.graph.nodes.get(item.id);
    if (!node || !inView(picture, item.x - 170, item.y - 20, item.w + 340, item.h + 40)) continue;
    const dim = picture.focus && !picture.focus.nodes.has(item.id);
    const gone = item.server !== null && picture.graph.servers.get(item.server)?.connected === false;
    ctx.globalAlpha = alphaOf(item.id) * (dim ? DIM_ALPHA : 1) * (gone ? 0.45 : 1);
    PAINTERS[item.kind](ctx, picture, item, node);
  }
  ctx.globalAlpha = 1;
  paintLegLabels(ctx, picture);
  paintBadges(ctx, picture);
  paintTitles(ctx, picture);
}

type Painter = (ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node) => void;
const PAINTERS: Record<Item["kind"], Painter> = {
  card: paintCard,
  pill: paintPill,
  chip: paintChip,
  disc: paintDisc,
};

/** What the hub says it received; for what only calls, the sum of its edges. */
export function nodeFigures(picture: Picture, node: Node): Figures {
  const known = picture.graph.nodeFigures.get(node.id);
  if (known) return known;
  const edges = edgesOfNode(picture.graph, node.id);
  return sumFigures(edges.flatMap((e) => picture.graph.edgeFigures.get(e.index) ?? []));
}

function ringColour(picture: Picture, id: string): string | null {
  const me = { kind: "node", id } as const;
  if (same(picture.selection, me)) return picture.palette.accent;
  return same(picture.hovered, me) ? `${picture.palette.accent}aa` : null;
}

function paintCard(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node): void {
  const { palette } = picture;
  const figures = nodeFigures(picture, node);
  const failing = figures.calls > 0 && figures.errors / figures.calls > 0.05;
  cardBody(
    ctx,
    picture,
    item,
    11,
    ringColour(picture, item.id) ?? (failing ? `${palette.bad}88` : palette.cardStroke),
  );
  if (picture.camera.k < 0.2) return;
  paintTile(ctx, picture, item.x + 10, item.y + 10, glyphOf(node));
  if (picture.camera.k < 0.3) return;
  const left = item.x + 48;
  const right = item.x + item.w - 12;
  ctx.textBaseline = "alphabetic";
  const first = item.y + 21.5;
  const second = item.y + 36.5;
  ctx.textAlign = "right";
  setFont(ctx, 13, 640);
  const caller = figures.rate > 0 && !picture.graph.nodeFigures.has(node.id);
  const value = caller ? `${rate(figures.rate)} out` : rate(figures.rate);
  ctx.fillStyle = figures.rate > 0 ? palette.text : palette.faint;
  ctx.fillText(value, right, first);
  const valueW = Math.max(18, ctx.measureText(value).width);
  ctx.textAlign = "left";
  ctx.fillStyle = palette.text;
  setFont(ctx, 13, 620);
  ctx.fillText(fitted(ctx, node.name, right - left - valueW - 8), left, first);
  if (picture.camera.k < 0.45) return;
  setFont(ctx, 11, 460);
  ctx.fillStyle = palette.muted;
  const p95 = ms(figures.p95_ms);
  ctx.textAlign = "right";
  ctx.fillText(p95, right, second);
  ctx.textAlign = "left";
  ctx.fillText(
    fitted(ctx, subline(picture, node), right - left - ctx.measureText(p95).width - 10),
    left,
    second,
  );
  paintShare(ctx, picture, item, figures);
}

function subline(picture: Picture, node: Node): string {
  const { graph } = picture;
  if (graph.view === "flat") return node.server ?? kindText(node);
  const members = graph.groups.get(node.id);
  const containers = countContainers(node);
  if (serverOfTotals(node.id)) return plural(containers, "container");
  if (graph.view === "services" && members)
    return members.length > 1 ? `on ${members.length} servers` : (members[0].server ?? "");
  const image = node.containers.find((c) => c.image)?.image;
  if (image) return image.replace(/^.*\//, "").replace(/@sha256.*$/, "");
  if (containers > 1) return `${containers} containers`;
  return node.containers[0]?.address ?? node.addresses[0] ?? "no address yet";
}

/** A container on two networks is told of twice. */
export function countContainers(node: Node): number {
  return new Set(node.containers.map((container) => container.name)).size;
}

/** Below this scale a card of many is a spot of its colour. */
const SQUARE_BELOW = 0.22;

function cardBody(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  item: Item,
  r: number,
  stroke: string,
): void {
  const { palette, camera, ratio } = picture;
  if (picture.plain && camera.k < SQUARE_BELOW) {
    ctx.fillStyle = stroke === palette.cardStroke ? palette.card[0] : stroke;
    return ctx.fillRect(item.x, item.y, item.w, item.h);
  }
  ctx.lineWidth = 1.2;
  ctx.strokeStyle = stroke;
  ctx.beginPath();
  ctx.roundRect(item.x, item.y, item.w, item.h, r);
  if (picture.plain) {
    ctx.fillStyle = palette.card[0];
    ctx.fill();
    return ctx.stroke();
  }
  const fill = ctx.createLinearGradient(0, item.y, 0, item.y + item.h);
  fill.addColorStop(0, palette.card[0]);
  fill.addColorStop(1, palette.card[1]);
  ctx.shadowColor = palette.cardShadow;
  ctx.shadowBlur = 14 * camera.k * ratio;
  ctx.shadowOffsetY = 4 * camera.k * ratio;
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.shadowColor = "transparent";
  ctx.shadowOffsetY = 0;
  ctx.stroke();
}

function paintTile(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  x: number,
  y: number,
  glyph: Glyph,
): void {
  const { dark } = picture.palette;
  ctx.fillStyle = dark ? `hsl(${glyph.hue} 62% 56% / .17)` : `hsl(${glyph.hue} 85% 94%)`;
  ctx.beginPath();
  ctx.roundRect(x, y, 28, 28, 7);
  ctx.fill();
  strokeIcon(ctx, glyph, x + 6, y + 6, 16, dark ? `hsl(${glyph.hue} 86% 70%)` : `hsl(${glyph.hue} 72% 40%)`);
}

function strokeIcon(
  ctx: CanvasRenderingContext2D,
  glyph: Glyph,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(size / 24, size / 24);
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.lineWidth = 2;
  ctx.strokeStyle = colour;
  ctx.stroke(iconPath(glyph.icon));
  ctx.restore();
}

/** The thin bar at a card's foot: the green part is ok, the red part is not. */
function paintShare(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, figures: Figures): void {
  const { palette } = picture;
  const [x, y, w] = [item.x + 12, item.y + item.h - 6.5, item.w - 24];
  const bar = (from: number, width: number, colour: string) => {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.roundRect(from, y, width, 2, 1);
    ctx.fill();
  };
  if (figures.calls === 0) return bar(x, w, palette.track);
  const bad = figures.errors > 0 ? Math.max(5, (w * figures.errors) / figures.calls) : 0;
  if (w - bad > 1) bar(x, w - bad - (bad ? 1.5 : 0), palette.ok);
  if (bad) bar(x + w - bad, bad, palette.bad);
}

function paintPill(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node): void {
  const { palette, camera, ratio } = picture;
  const colours = node.proxy_kind === "private" ? palette.private : palette.public;
  const fill = ctx.createLinearGradient(0, item.y, 0, item.y + item.h);
  fill.addColorStop(0, colours[0]);
  fill.addColorStop(1, colours[1]);
  ctx.beginPath();
  ctx.roundRect(item.x, item.y, item.w, item.h, item.w / 2);
  if (!picture.plain) {
    ctx.shadowColor = `${colours[1]}${palette.dark ? "99" : "55"}`;
    ctx.shadowBlur = 20 * camera.k * ratio;
  }
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.shadowColor = "transparent";
  const ring = ringColour(picture, item.id);
  if (ring) {
    ctx.lineWidth = 2;
    ctx.strokeStyle = palette.dark ? "#ffffff" : palette.accent;
    ctx.stroke();
  }
  if (camera.k < 0.3) return;
  strokeIcon(ctx, glyphOf(node), centerX(item) - 7.5, item.y + 10, 15, "#ffffff");
  ctx.fillStyle = "#ffffff";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  setFont(ctx, 11, 680);
  ctx.fillText(rate(nodeFigures(picture, node).rate), centerX(item), item.y + item.h - 15);
  ctx.save();
  ctx.translate(centerX(item) + 0.5, centerY(item) - 0.5);
  ctx.rotate(-Math.PI / 2);
  setFont(ctx, 10.5, 680);
  ctx.letterSpacing = "1.2px";
  ctx.fillText(node.proxy_kind === "private" ? "PRIVATE" : "PUBLIC", 0, 0);
  ctx.restore();
}

function paintChip(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node): void {
  const { palette } = picture;
  cardBody(ctx, picture, item, item.h / 2, ringColour(picture, item.id) ?? palette.discStroke);
  strokeIcon(ctx, glyphOf(node), item.x + 10, item.y + 6.5, 13, palette.muted);
  if (picture.camera.k < 0.4) return;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  setFont(ctx, 11, 560);
  ctx.fillStyle = palette.muted;
  const name = node.kind === "server" ? "unnamed caller" : "host or NAT, undecided";
  ctx.fillText(fitted(ctx, name, item.w - 42), item.x + 30, centerY(item) + 0.5);
}

function paintDisc(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node): void {
  const { palette } = picture;
  const intruder = node.kind === "outside";
  ctx.beginPath();
  ctx.arc(centerX(item), centerY(item), item.w / 2, 0, Math.PI * 2);
  ctx.fillStyle = palette.disc;
  ctx.fill();
  if (intruder) {
    ctx.fillStyle = `${palette.bad}1f`;
    ctx.fill();
    ctx.setLineDash([4, 3.5]);
  }
  const ring = ringColour(picture, item.id);
  ctx.lineWidth = ring || intruder ? 1.7 : 1.2;
  ctx.strokeStyle = ring ?? (intruder ? palette.bad : palette.discStroke);
  ctx.stroke();
  ctx.setLineDash([]);
  strokeIcon(
    ctx,
    glyphOf(node),
    centerX(item) - 9,
    centerY(item) - 9,
    18,
    intruder ? palette.bad : palette.accent,
  );
  if (picture.camera.k >= 0.35) paintDiscLabel(ctx, picture, item, node);
}

function paintDiscLabel(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node): void {
  const { palette } = picture;
  const left = item.side === "left";
  const x = left ? item.x - 10 : item.x + item.w + 10;
  ctx.textAlign = left ? "right" : "left";
  ctx.textBaseline = "alphabetic";
  setFont(ctx, 13, 620);
  ctx.fillStyle = node.kind === "outside" ? palette.bad : palette.text;
  ctx.fillText(fitted(ctx, node.name, 140), x, centerY(item) - 1);
  setFont(ctx, 11, 460);
  ctx.fillStyle = palette.muted;
  ctx.fillText(fitted(ctx, discText(picture, node), 140), x, centerY(item) + 14);
}

function discText(picture: Picture, node: Node): string {
  const figures = nodeFigures(picture, node);
  const knocks = node.kind === "outside" ? "outside knock" : node.kind === "gateway" ? "host or NAT" : "";
  const address = node.addresses.length > 1 ? `${node.addresses.length} addresses` : node.addresses[0];
  const who = knocks || (address === node.name ? "" : (address ?? ""));
  return [who, `${rate(figures.rate)}/s`].filter(Boolean).join(" · ");
}

/** The badge stands beside the gateway, clear of its name. */
const BADGE_OUT_PX = 8;

/** Where an intruder knocked: a mark that stays, on the gateway itself. */
function paintBadges(ctx: CanvasRenderingContext2D, picture: Picture): void {
  const { palette, focus } = picture;
  for (const leg of picture.layout.legs) {
    if (leg.style !== "outside") continue;
    const [x, y] = [leg.end[0] - leg.heading * BADGE_OUT_PX, leg.end[1]];
    ctx.globalAlpha = focus && !leg.edges.some((e) => focus.edges.has(e)) ? DIM_ALPHA : 1;
    ctx.beginPath();
    ctx.arc(x, y, 8.5, 0, Math.PI * 2);
    ctx.fillStyle = palette.bad;
    ctx.fill();
    ctx.lineWidth = 2;
    ctx.strokeStyle = palette.dark ? "#0d1426" : "#ffffff";
    ctx.stroke();
    ctx.fillStyle = palette.dark ? "#3b0713" : "#ffffff";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    setFont(ctx, 12, 800);
    ctx.fillText("!", x, y + 0.5);
  }
  ctx.globalAlpha = 1;
}

/** What the columns beside the hulls hold. */
function paintTitles(ctx: CanvasRenderingContext2D, picture: Picture): void {
  if (picture.camera.k < 0.35 || picture.graph.view === "flat") return;
  for (const side of ["left", "right"] as const) {
    const discs = [...picture.layout.items.values()].filter(
      (item) => item.kind === "disc" && item.side === side,
    );
    if (discs.length === 0) continue;
    const top = discs.reduce((a, b) => (a.y < b.y ? a : b));
    setFont(ctx, 10.5, 600);
    ctx.letterSpacing = "0.8px";
    ctx.textAlign = side === "left" ? "right" : "left";
    ctx.textBaseline = "middle";
    ctx.fillStyle = picture.palette.faint;
    ctx.fillText(titleOf(picture, side, discs), side === "left" ? top.x + top.w : top.x, top.y - 26);
    ctx.letterSpacing = "0px";
  }
}

function titleOf(picture: Picture, side: Item["side"], discs: Item[]): string {
  if (side === "left") return "SOURCES";
  const intruders = discs.filter((disc) => picture.graph.nodes.get(disc.id)?.kind === "outside").length;
  if (intruders === 0) return "EXTERNAL SERVICES";
  return intruders === discs.length ? "KNOCKING FROM OUTSIDE" : "OUTSIDE";
}
