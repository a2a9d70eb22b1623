/** What lies outside every hull: discs with their labels, knocks on gateways, the columns' titles. */
import type { Node } from "#forms";
import { DIM_ALPHA } from "../defaults";
import { centerX, centerY, type Item } from "../layout/model";
import { rate } from "./format";
import { nodeFigures, type Picture, ringColour } from "./frame";
import { glyphOf, strokeIcon } from "./icons";
import { fitted, setFont } from "./text";

/** A source, an intruder, an upstream outside the federation. */
export function paintDisc(ctx: CanvasRenderingContext2D, picture: Picture, item: Item, node: Node): void {
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
  const below = picture.graph.view === "flat";
  const x = below ? centerX(item) : left ? item.x - 10 : item.x + item.w + 10;
  const y = below ? item.y + item.h + 16 : centerY(item) - 1;
  ctx.textAlign = below ? "center" : left ? "right" : "left";
  ctx.textBaseline = "alphabetic";
  setFont(ctx, 13, 620);
  ctx.fillStyle = node.kind === "outside" ? palette.bad : palette.text;
  ctx.fillText(fitted(ctx, node.name, 140), x, y);
  setFont(ctx, 11, 460);
  ctx.fillStyle = palette.muted;
  ctx.fillText(fitted(ctx, discText(picture, node), 140), x, y + 15);
}

function discText(picture: Picture, node: Node): string {
  const figures = nodeFigures(picture, node);
  const knocks = node.kind === "outside" ? "outside knock" : node.kind === "gateway" ? "host or NAT" : "";
  const address = node.addresses.length > 1 ? `${node.addresses.length} addresses` : node.addresses[0];
  const rest = picture.graph.rests.has(node.id) ? "all others" : "";
  const who = knocks || rest || (address === node.name ? "" : (address ?? ""));
  return [who, `${rate(figures.rate)}/s`].filter(Boolean).join(" · ");
}

/** The badge stands beside the gateway, clear of its name. */
const BADGE_OUT_PX = 8;

/** Where an intruder knocked: a mark that stays, on the gateway itself. */
export function paintBadges(ctx: CanvasRenderingContext2D, picture: Picture): void {
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
export function paintTitles(ctx: CanvasRenderingContext2D, picture: Picture): void {
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
