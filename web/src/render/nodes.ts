/**
 * Cards, gateways, chips and discs: the upper canvas, painted when something changed.
 */
import type { Node } from "#forms";
import { DIM_ALPHA } from "../defaults";
import { centerX, centerY, type Item } from "../layout/model";
import { serverOfTotals } from "../select/project";
import { kindText } from "../select/visible";
import type { Figures } from "../store/graph";
import { paintBadges, paintDisc, paintTitles } from "./discs";
import { paintLegLabels } from "./edges";
import { ms, plural, rate } from "./format";
import { enterWorld, inView, nodeFigures, type Picture, ringColour } from "./frame";
import { type Glyph, glyphOf, strokeIcon } from "./icons";
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
  for (const id of picture.unfolded) paintContainers(ctx, picture, id);
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
  if (picture.camera.k < 0.42) return;
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

const CONTAINER_H = 22;
const CONTAINERS_MAX = 12;

/** Below an unfolded card, above everything else: the containers that the service runs in. */
function paintContainers(ctx: CanvasRenderingContext2D, picture: Picture, id: string): void {
  const { palette } = picture;
  const item = picture.layout.items.get(id);
  const containers = picture.graph.nodes.get(id)?.containers ?? [];
  if (item?.kind !== "card") return;
  const rows = containers.slice(0, CONTAINERS_MAX).map((c) => [c.name, c.address]);
  if (containers.length > rows.length) rows.push([`and ${containers.length - rows.length} more`, ""]);
  if (rows.length === 0) rows.push(["no container is known", ""]);
  const y = item.y + item.h + 5;
  cardBody(ctx, picture, { ...item, y, h: rows.length * CONTAINER_H + 10 }, 9, palette.accent);
  ctx.textBaseline = "middle";
  rows.forEach(([name, address], i) => {
    const middle = y + 5 + (i + 0.5) * CONTAINER_H;
    setFont(ctx, 10.5, 460);
    ctx.textAlign = "right";
    ctx.fillStyle = palette.muted;
    ctx.fillText(address, item.x + item.w - 10, middle);
    const room = item.w - 28 - ctx.measureText(address).width;
    ctx.textAlign = "left";
    ctx.fillStyle = palette.text;
    ctx.fillText(fitted(ctx, name, room), item.x + 10, middle);
  });
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
