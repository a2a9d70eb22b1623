/**
 * Ways: what edges that take the same legs share, and an edge's own view of it.
 *
 * Enters: curves of legs. Leaves: one row of curves, and its track when first asked for. Always holds: a way whose
 * curves stay the same keeps its track from layout to layout, so whatever moves on it is told of no change.
 */
import { type Cubic, reversed, type Track, track } from "./curves";
import type { LegCurve, Route } from "./edges";
import type { LegStyle } from "./legs";

interface Part {
  curve: LegCurve;
  reverse: boolean;
}

/** What edges that take the same legs share. */
export class WayShape {
  readonly style: LegStyle;
  bundle: number[] = [];
  private wholeCubics: Cubic[] | null = null;
  private wholeTrack: Track | null = null;

  constructor(private parts: Part[]) {
    this.style = parts[0].curve.style;
  }

  /** This for edges yet to come, where it is made of the very same curves. */
  again(parts: Part[]): WayShape | null {
    if (!parts.every(({ curve }, i) => curve === this.parts[i].curve)) return null;
    this.bundle = [];
    return this;
  }

  get cubics(): Cubic[] {
    this.wholeCubics ??= this.parts.flatMap(({ curve, reverse }) =>
      reverse ? reversed(curve.cubics) : curve.cubics,
    );
    return this.wholeCubics;
  }

  get track(): Track {
    this.wholeTrack ??= track(this.cubics);
    return this.wholeTrack;
  }

  get knock(): Route["knock"] {
    return this.style === "outside" ? knockOf(this.parts[0].curve, this.track) : null;
  }
}

export class EdgeRoute implements Route {
  constructor(
    readonly edge: number,
    private shape: WayShape,
  ) {}

  get style(): LegStyle {
    return this.shape.style;
  }

  get cubics(): Cubic[] {
    return this.shape.cubics;
  }

  get track(): Track {
    return this.shape.track;
  }

  get knock(): Route["knock"] {
    return this.shape.knock;
  }

  get bundle(): readonly number[] {
    return this.shape.bundle;
  }
}

function knockOf(first: LegCurve, whole: Track): Route["knock"] {
  return {
    at: first.end,
    share: whole.length > 0 ? Math.min(1, track(first.cubics).length / whole.length) : 1,
  };
}
