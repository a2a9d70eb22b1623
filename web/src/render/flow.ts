/**
 * What moves: packets, rings and flashes, on the middle canvas, every animation frame.
 *
 * Nothing is allocated per packet; a packet costs one `drawImage`.
 */
import { DIM_ALPHA } from "../defaults";
import { STEP, TURNS } from "../layout/curves";
import type { Picture } from "./frame";
import { EFFECT_MS, type Effect, type Packet, type Packets } from "./packets";
import { type Sprites, sizeIndex } from "./sprites";

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
  paintPackets(ctx, picture, packets.list, sprites, nowMs);
  ctx.globalAlpha = 1;
  for (const packet of packets.fresh) onDrawn(packet);
  packets.fresh.length = 0;
}

const COS = Float32Array.from({ length: TURNS }, (_, i) => Math.cos((2 * Math.PI * i) / TURNS));
const SIN = Float32Array.from({ length: TURNS }, (_, i) => Math.sin((2 * Math.PI * i) / TURNS));

function paintPackets(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  list: Packet[],
  sprites: Sprites,
  nowMs: number,
): void {
  const { camera, ratio, width, height, focus } = picture;
  const whole = list.length > WHOLE_PIXELS_ABOVE;
  const size = sizeIndex(camera.k);
  let alpha = 1;
  ctx.globalAlpha = 1;
  for (const packet of list) {
    const { points, turns, count, length } = packet.track;
    const share = Math.min(1, Math.max(0, (nowMs - packet.bornMs) / packet.travelMs));
    const along = (share * length) / STEP;
    const i = Math.min(count - 2, Math.floor(along));
    const rest = Math.min(1, along - i);
    const turn = turns[i];
    const x =
      (points[2 * i] + (points[2 * i + 2] - points[2 * i]) * rest - SIN[turn] * packet.right) * camera.k +
      camera.x;
    const y =
      (points[2 * i + 1] + (points[2 * i + 3] - points[2 * i + 1]) * rest + COS[turn] * packet.right) *
        camera.k +
      camera.y;
    if (x < -MARGIN_PX || y < -MARGIN_PX || x > width + MARGIN_PX || y > height + MARGIN_PX) continue;
    const wanted =
      focus === null || focus.edges.has(packet.route.edge) ? 1 : packet.ok ? DIM_ALPHA * 0.5 : DIM_ALPHA;
    if (wanted !== alpha) {
      alpha = wanted;
      ctx.globalAlpha = wanted;
    }
    const sprite = sprites.get(packet.ok, turn, size);
    const left = x * ratio - sprite.headX;
    const top = y * ratio - sprite.headY;
    if (whole) ctx.drawImage(sprite.image, Math.round(left), Math.round(top));
    else ctx.drawImage(sprite.image, left, top);
  }
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
