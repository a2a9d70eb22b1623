/**
 * What moves: packets, rings and flashes, on the middle canvas, every animation frame.
 *
 * Nothing is allocated per packet; a packet costs one `drawImage`.
 */
import { DIM_ALPHA } from "../defaults";
import { STEP } from "../layout/curves";
import type { Picture } from "./frame";
import { EFFECT_MS, type Effect, type Packet, type Packets } from "./packets";
import { HEAD_X, SPRITE_H, SPRITE_W, type Sprites } from "./sprites";

/** Packets of one trunk keep right, so that both directions are seen. */
const KEEP_RIGHT_PX = 2.2;

export function paintFlow(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  packets: Packets,
  sprites: Sprites,
  nowMs: number,
  onDrawn: (packet: Packet) => void,
): void {
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
  for (const effect of packets.effects) paintEffect(ctx, picture, effect, nowMs);
  const size = Math.min(1.35, Math.max(0.72, picture.camera.k)) * picture.ratio;
  for (const packet of packets.list) {
    paintPacket(ctx, picture, packet, packet.ok ? sprites.ok : sprites.bad, nowMs, size);
    if (!packet.drawn) {
      packet.drawn = true;
      onDrawn(packet);
    }
  }
  ctx.globalAlpha = 1;
}

function paintPacket(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  packet: Packet,
  sprite: HTMLCanvasElement,
  nowMs: number,
  size: number,
): void {
  const { points, count, length } = packet.route.track;
  const share = Math.min(1, Math.max(0, (nowMs - packet.bornMs) / packet.travelMs));
  const along = (share * length) / STEP;
  const i = Math.min(count - 2, Math.floor(along));
  const rest = Math.min(1, along - i);
  const [x0, y0, x1, y1] = [points[2 * i], points[2 * i + 1], points[2 * i + 2], points[2 * i + 3]];
  const d = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [cos, sin] = [(x1 - x0) / d, (y1 - y0) / d];
  const right = packet.route.style === "plain" ? KEEP_RIGHT_PX * 0.35 : KEEP_RIGHT_PX;
  const { camera, ratio } = picture;
  const x = ((x0 + (x1 - x0) * rest - sin * right) * camera.k + camera.x) * ratio;
  const y = ((y0 + (y1 - y0) * rest + cos * right) * camera.k + camera.y) * ratio;
  const dim = picture.focus !== null && !picture.focus.edges.has(packet.route.edge);
  ctx.globalAlpha = dim ? (packet.ok ? DIM_ALPHA * 0.5 : DIM_ALPHA) : 1;
  ctx.setTransform(cos * size, sin * size, -sin * size, cos * size, x, y);
  ctx.drawImage(sprite, -HEAD_X, -SPRITE_H / 2, SPRITE_W, SPRITE_H);
}

function paintEffect(ctx: CanvasRenderingContext2D, picture: Picture, effect: Effect, nowMs: number): void {
  const age = (nowMs - effect.atMs) / EFFECT_MS;
  if (age < 0 || age > 1) return;
  const { camera, ratio, palette } = picture;
  const k = camera.k * ratio;
  ctx.setTransform(k, 0, 0, k, camera.x * ratio, camera.y * ratio);
  ctx.globalAlpha = (1 - age) ** 1.5;
  ctx.strokeStyle = effect.bad ? palette.bad : palette.ok;
  ctx.lineWidth = 2.4;
  ctx.beginPath();
  if (effect.route) tracePath(ctx, effect.route.track.points, effect.route.track.count);
  else ctx.arc(effect.x, effect.y, 7 + 22 * (1 - (1 - age) ** 2), 0, Math.PI * 2);
  ctx.stroke();
}

function tracePath(ctx: CanvasRenderingContext2D, points: Float32Array, count: number): void {
  ctx.moveTo(points[0], points[1]);
  for (let i = 4; i < count; i += 4) ctx.lineTo(points[2 * i], points[2 * i + 1]);
  ctx.lineTo(points[2 * count - 2], points[2 * count - 1]);
}
