/** What lies under a world point: an item, else a line, else a hull. */
import { type Quadtree, quadtree } from "d3-quadtree";
import type { Layout } from "../layout/arrange";
import type { Item } from "../layout/model";
import type { Selection } from "../select/visible";

interface Sample {
  x: number;
  y: number;
  edge: number;
}

const SAMPLE_EVERY = 3;
const ITEM_REACH = 150;

export class HitTest {
  private items: Quadtree<Item>;
  private samples: Quadtree<Sample> | null = null;

  constructor(private layout: Layout) {
    this.items = quadtree<Item>(
      [...layout.items.values()],
      (item) => item.x + item.w / 2,
      (item) => item.y + item.h / 2,
    );
  }

  item(x: number, y: number): Item | null {
    let found: Item | null = null;
    this.items.visit((node, x0, y0, x1, y1) => {
      if (!("length" in node)) {
        for (let leaf: typeof node | undefined = node; leaf; leaf = leaf.next) {
          const { data } = leaf;
          if (x >= data.x && x <= data.x + data.w && y >= data.y && y <= data.y + data.h) found = data;
        }
      }
      return x < x0 - ITEM_REACH || x > x1 + ITEM_REACH || y < y0 - ITEM_REACH || y > y1 + ITEM_REACH;
    });
    return found;
  }

  /** `reach` in world pixels. */
  at(x: number, y: number, reach: number): Selection | null {
    const item = this.item(x, y);
    if (item) return { kind: "node", id: item.id };
    const sample = this.edges().find(x, y, reach);
    if (sample) return { kind: "edge", index: sample.edge };
    for (const hull of this.layout.hulls.values()) {
      if (x >= hull.x && x <= hull.x + hull.w && y >= hull.y && y <= hull.y + hull.h) {
        return { kind: "server", id: hull.id };
      }
    }
    return null;
  }

  /** Built when first asked for: a layout that nobody points at needs none. */
  private edges(): Quadtree<Sample> {
    if (this.samples) return this.samples;
    const samples: Sample[] = [];
    for (const { edge, track } of this.layout.routes.values()) {
      for (let i = SAMPLE_EVERY; i < track.count - 1; i += SAMPLE_EVERY) {
        samples.push({ x: track.points[2 * i], y: track.points[2 * i + 1], edge });
      }
    }
    this.samples = quadtree<Sample>(
      samples,
      (s) => s.x,
      (s) => s.y,
    );
    return this.samples;
  }
}
