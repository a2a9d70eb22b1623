/**
 * What moves: packets, rings and flashes, on the middle canvas, every animation frame.
 *
 * Nothing is allocated per packet; a packet costs one `drawImage`.
 */
import { DIM_ALPHA } from "../defaults";
import { STEP } from "../layout/curves";
import type { Picture } from "./frame";
import { EFFECT_MS, type Effect, type Packet, type Packets } from "./packets";
import type { Sprites } from "./sprites";

/** Packets of one trunk keep right, so that both directions are seen. */
const KEEP_RIGHT_PX = 2.2;
/** With more packets than this they are drawn on whole pixels: a plain copy, without filtering. */
const WHOLE_PIXELS_ABOVE = 250;
const MARGIN_PX = 40;

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
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  const whole = packets.list.length > WHOLE_PIXELS_ABOVE;
  for (const packet of packets.list) {
    paintPacket(ctx, picture, packet, sprites, nowMs, whole);
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
  sprites: Sprites,
  nowMs: number,
  whole: boolean,
): void {
  const { points, count, length } = packet.route.track;
  const share = Math.min(1, Math.max(0, (nowMs - packet.bornMs) / packet.travelMs));
  const along = (share * length) / STEP;
  const i = Math.min(count - 2, Math.floor(along));
  const rest = Math.min(1, along - i);
  const [x0, y0] = [points[2 * i], points[2 * i + 1]];
  const [dx, dy] = [points[2 * i + 2] - x0, points[2 * i + 3] - y0];
  const d = Math.hypot(dx, dy) || 1;
  const [cos, sin] = [dx / d, dy / d];
  const right = packet.route.style === "plain" ? KEEP_RIGHT_PX * 0.35 : KEEP_RIGHT_PX;
  const { camera, ratio, width, height } = picture;
  const x = (x0 + dx * rest - sin * right) * camera.k + camera.x;
  const y = (y0 + dy * rest + cos * right) * camera.k + camera.y;
  if (x < -MARGIN_PX || y < -MARGIN_PX || x > width + MARGIN_PX || y > height + MARGIN_PX) return;
  const dim = picture.focus !== null && !picture.focus.edges.has(packet.route.edge);
  ctx.globalAlpha = dim ? (packet.ok ? DIM_ALPHA * 0.5 : DIM_ALPHA) : 1;
  const sprite = sprites.get(packet.ok, cos, sin, camera.k);
  const left = x * ratio - sprite.width / 2;
  const top = y * ratio - sprite.height / 2;
  if (whole) ctx.drawImage(sprite, Math.round(left), Math.round(top));
  else ctx.drawImage(sprite, left, top);
}

function paintEffect(ctx: CanvasRenderingContext2D, picture: Picture, effect: Effect, nowMs: number): void {
  const age = (nowMs - effect.atMs) / EFFECT_MS;
  if (age < 0 || age > 1) return;
  const { camera, ratio, palette } = picture;
  const k = camera.k * ratio;
  ctx.setTransform(k, 0, 0, k, camera.x * ratio, camera.y * ratio);
  ctx.globalAlpha = (1 - age) ** 1.5;
  ctx.strokeStyle = effect.bad ? palette.bad : palette.ok;
  ctx.lineWidth = effect.wide ? 3.2 : 2;
  ctx.beginPath();
  if (effect.route) tracePath(ctx, effect.route.track.points, effect.route.track.count);
  else ctx.arc(effect.x, effect.y, 7 + (effect.wide ? 34 : 13) * (1 - (1 - age) ** 2), 0, Math.PI * 2);
  ctx.stroke();
}

function tracePath(ctx: CanvasRenderingContext2D, points: Float32Array, count: number): void {
  ctx.moveTo(points[0], points[1]);
  for (let i = 4; i < count; i += 4) ctx.lineTo(points[2 * i], points[2 * i + 1]);
  ctx.lineTo(points[2 * count - 2], points[2 * count - 1]);
}
