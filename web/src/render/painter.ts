/**
 * The page's side of the painter of what moves.
 *
 * Enters: packets, the picture, word of a change. Leaves: messages to the worker, once per animation frame at most;
 * and back, which packets have been drawn, and when.
 */
import { type Picture, sameCamera } from "./frame";
import { type Answer, type Clock, Teller, type Told, type Window } from "./moving";
import type { Packet, Packets } from "./packets";

/** Frames painted so far, and the script times, in ms, of those since this was asked last (240 at most). */
export interface Painted {
  frames: number;
  costs: Float32Array;
}

export class Painter {
  onDrawn: (packet: Packet, atMs: number) => void = () => {};
  private worker = new Worker(new URL("./flow.worker.ts", import.meta.url), { type: "module" });
  private teller = new Teller();
  private window: Window | null = null;
  private told = -1;
  private runs = true;
  private stale = true;
  private swept = false;
  private asked: ((painted: Painted) => void)[] = [];

  constructor(
    canvas: HTMLCanvasElement,
    private packets: Packets,
  ) {
    const offscreen = canvas.transferControlToOffscreen();
    this.tell({ kind: "canvas", canvas: offscreen }, [offscreen]);
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (data.kind === "drawn")
        for (const packet of packets.drawn(data.newest)) this.onDrawn(packet, data.atMs);
      else this.asked.shift()?.(data);
    };
  }

  /** What is in focus has changed. */
  changed(): void {
    this.stale = true;
  }

  /** Packets have taken the ways of another layout. */
  rerouted(): void {
    this.swept = true;
  }

  painted(): Promise<Painted> {
    this.tell({ kind: "ask" });
    return new Promise((resolve) => this.asked.push(resolve));
  }

  /** Once per animation frame. */
  keepUp(picture: Picture, clock: Clock): void {
    this.look(picture);
    const { packets } = this;
    const same = packets.version === this.told && clock.runs === this.runs && !this.stale && !this.swept;
    if (same) return;
    const moving = this.teller.tell(packets.list, packets.effects, picture.focus, this.swept);
    this.tell({ ...moving, clock }, [moving.packets.buffer, moving.effects.buffer]);
    [this.told, this.runs] = [packets.version, clock.runs];
    this.stale = this.swept = false;
  }

  private look({ camera, width, height, ratio, palette: { dark } }: Picture): void {
    const { window: before } = this;
    const stays =
      before && sameCamera(before.camera, camera) && before.ratio === ratio && before.dark === dark;
    if (stays && before.width === width && before.height === height) return;
    this.window = { kind: "window", camera, width, height, ratio, dark };
    this.tell(this.window);
  }

  private tell(message: Told, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }
}
