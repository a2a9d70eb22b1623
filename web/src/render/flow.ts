/**
 * What moves: packets, rings and flashes, on the middle canvas, every animation frame.
 *
 * Enters: what the page tells (see `moving`), the time. Leaves: pixels. Always holds: where each thing is follows
 * from the time alone; a few packets are drawn between pixels, so that they glide, many on whole ones.
 */
import { STEP, type Track, TURNS } from "../layout/curves";
import { EFFECT, type Moving, PACKET, type Window } from "./moving";
import { EFFECT_MS } from "./packets";
import { DARK, LIGHT, type Palette } from "./palette";
import { Pixels } from "./pixels";
import { type Sprite, Sprites, sizeIndex } from "./sprites";

/** With more packets than this, they are put together pixel by pixel. */
const MANY = 250;
/** But not on a canvas of more pixels than this: at two per CSS pixel, handing them over cost more than drawing. */
const LARGE = 3_000_000;
const MARGIN_PX = 40;

const COS = Float32Array.from({ length: TURNS }, (_, i) => Math.cos((2 * Math.PI * i) / TURNS));
const SIN = Float32Array.from({ length: TURNS }, (_, i) => Math.sin((2 * Math.PI * i) / TURNS));

export class Flow {
  private tracks = new Map<number, Track>();
  private packets = new Float64Array();
  private effects = new Float64Array();
  private view: Window | null = null;
  private palette: Palette = DARK;
  private sprites = new Sprites(DARK, 1);
  private pixels: Pixels | null = null;
  /** Sets a sprite at device pixels. */
  private set: (sprite: Sprite, left: number, top: number, alpha: number, bad: boolean) => void = () => {};

  constructor(private ctx: OffscreenCanvasRenderingContext2D) {}

  look(view: Window): void {
    const { width, height, ratio, dark } = view;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    const { canvas } = this.ctx;
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    if (this.view?.ratio !== ratio || this.view.dark !== dark) {
      this.palette = dark ? DARK : LIGHT;
      this.sprites = new Sprites(this.palette, ratio);
    }
    this.view = view;
  }

  take({ tracks, swept, packets, effects }: Moving): void {
    const before = this.tracks;
    if (swept) this.tracks = new Map();
    const keep = (number: number) => this.tracks.set(number, before.get(number)!);
    if (swept) for (const number of usedTracks(packets, effects)) if (before.has(number)) keep(number);
    for (const [number, track] of tracks) this.tracks.set(number, track);
    this.packets = packets;
    this.effects = effects;
  }

  /** Whether anything is still to be seen later than `nowMs`, or was painted now. */
  paint(nowMs: number): boolean {
    const { view, ctx } = this;
    if (!view || ctx.canvas.width === 0 || ctx.canvas.height === 0) return false;
    const many = this.packets.length > MANY * PACKET && ctx.canvas.width * ctx.canvas.height <= LARGE;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = 1;
    const moves = many ? this.paintMany(view, nowMs) : this.paintFew(view, nowMs);
    const shines = this.paintEffects(view, nowMs);
    return moves || shines;
  }

  private paintFew(view: Window, nowMs: number): boolean {
    const { ctx } = this;
    this.pixels = null;
    ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    this.set = (sprite, left, top, alpha) => {
      if (alpha !== ctx.globalAlpha) ctx.globalAlpha = alpha;
      ctx.drawImage(sprite.image, left, top);
    };
    const moves = this.eachPacket(view, nowMs);
    ctx.globalAlpha = 1;
    return moves;
  }

  private paintMany(view: Window, nowMs: number): boolean {
    const { width, height } = this.ctx.canvas;
    if (this.pixels?.width !== width || this.pixels.height !== height)
      this.pixels = new Pixels(width, height);
    const { pixels } = this;
    pixels.clear();
    this.set = (sprite, left, top, alpha, bad) =>
      pixels.stamp(sprite.dots(alpha), Math.round(left), Math.round(top), bad);
    const moves = this.eachPacket(view, nowMs);
    this.ctx.putImageData(pixels.image, 0, 0);
    return moves;
  }

  /** Nothing is allocated per packet. */
  private eachPacket({ camera, ratio, width, height }: Window, nowMs: number): boolean {
    const { packets, tracks, sprites, set } = this;
    const size = sizeIndex(camera.k);
    let moves = false;
    for (let p = 0; p < packets.length; p += PACKET) {
      const age = nowMs - packets[p + 1];
      if (age > packets[p + 2]) continue;
      moves = true;
      const { points, turns, count, length } = tracks.get(packets[p])!;
      const along = (Math.max(0, age / packets[p + 2]) * length) / STEP;
      const i = Math.min(count - 2, Math.floor(along));
      const rest = Math.min(1, along - i);
      const turn = turns[i];
      const right = packets[p + 3];
      const wx = points[2 * i] + (points[2 * i + 2] - points[2 * i]) * rest - SIN[turn] * right;
      const wy = points[2 * i + 1] + (points[2 * i + 3] - points[2 * i + 1]) * rest + COS[turn] * right;
      const x = wx * camera.k + camera.x;
      const y = wy * camera.k + camera.y;
      if (x < -MARGIN_PX || y < -MARGIN_PX || x > width + MARGIN_PX || y > height + MARGIN_PX) continue;
      const bad = packets[p + 5] === 1;
      const sprite = sprites.get(!bad, turn, size);
      set(sprite, x * ratio - sprite.headX, y * ratio - sprite.headY, packets[p + 4], bad);
    }
    return moves;
  }

  private paintEffects({ camera, ratio }: Window, nowMs: number): boolean {
    const { ctx, effects, palette } = this;
    const k = camera.k * ratio;
    let shines = false;
    for (let e = 0; e < effects.length; e += EFFECT) {
      const age = (nowMs - effects[e + 3]) / EFFECT_MS;
      if (age > 1) continue;
      shines = true;
      if (age < 0) continue;
      const wide = effects[e + 5] === 1;
      const track = this.tracks.get(effects[e]);
      ctx.setTransform(k, 0, 0, k, camera.x * ratio, camera.y * ratio);
      ctx.globalAlpha = (1 - age) ** 1.5;
      ctx.strokeStyle = effects[e + 4] === 1 ? palette.bad : palette.ok;
      ctx.lineWidth = wide ? 3.2 : 2;
      ctx.beginPath();
      if (track) tracePath(ctx, track);
      else ctx.arc(effects[e + 1], effects[e + 2], ringRadius(age, wide), 0, Math.PI * 2);
      ctx.stroke();
    }
    return shines;
  }
}

function ringRadius(age: number, wide: boolean): number {
  return 7 + (wide ? 34 : 13) * (1 - (1 - age) ** 2);
}

function tracePath(ctx: OffscreenCanvasRenderingContext2D, { points, count }: Track): void {
  ctx.moveTo(points[0], points[1]);
  for (let i = 4; i < count; i += 4) ctx.lineTo(points[2 * i], points[2 * i + 1]);
  ctx.lineTo(points[2 * count - 2], points[2 * count - 1]);
}

function usedTracks(packets: Float64Array, effects: Float64Array): Set<number> {
  const used = new Set<number>();
  for (let p = 0; p < packets.length; p += PACKET) used.add(packets[p]);
  for (let e = 0; e < effects.length; e += EFFECT) used.add(effects[e]);
  return used;
}
