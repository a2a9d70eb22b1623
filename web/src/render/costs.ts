/** Script times of the newest frames, in ms: a ring. Pure. */
const KEPT = 240;

export class Costs {
  private ring = new Float32Array(KEPT);
  private noted = 0;

  note(ms: number): void {
    this.ring[this.noted++ % KEPT] = ms;
  }

  /** Those noted since they were forgotten last, 240 at most; in no order. */
  newest(): Float32Array<ArrayBuffer> {
    return this.ring.slice(0, Math.min(KEPT, this.noted));
  }

  forget(): void {
    this.noted = 0;
  }
}
