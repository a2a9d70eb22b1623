/** The 60 s sparkline: calls a second as an area, errors as a red line of its own. */
import { area, curveMonotoneX, line } from "d3-shape";
import type { Second } from "../store/history";

const SVG = "http://www.w3.org/2000/svg";
const W = 320;
const H = 52;

export function sparkChart(): { element: SVGSVGElement; update(seconds: Second[], unseen: number): void } {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  const [fill, stroke, errors] = ["fill", "stroke", "errors"].map((name) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    svg.append(path);
    return path;
  });
  /** `unseen`: so many of the first seconds lie before the page was opened; nothing is drawn there. */
  const update = (seconds: Second[], unseen: number) => {
    const known = Math.min(unseen, seconds.length - 1);
    const done = smoothed(seconds.slice(known, -1));
    const top = Math.max(1, ...done.map((s) => s.calls));
    const x = (_: unknown, i: number) => ((i + known) * W) / Math.max(1, seconds.length - 2);
    const y = (n: number) => H - 3 - (n / top) * (H - 8);
    fill.setAttribute("d", area<Second>(x, H, (s) => y(s.calls)).curve(curveMonotoneX)(done) ?? "");
    stroke.setAttribute("d", line<Second>(x, (s) => y(s.calls)).curve(curveMonotoneX)(done) ?? "");
    const bad = done.some((s) => s.errors > 0);
    errors.setAttribute(
      "d",
      bad ? (line<Second>(x, (s) => y(s.errors)).curve(curveMonotoneX)(done) ?? "") : "",
    );
    const total = seconds.reduce((sum, s) => sum + s.calls, 0);
    svg.setAttribute("aria-label", `${total} calls in the last 60 s, as far as this page was open`);
  };
  return { element: svg, update };
}

/** A mean over three seconds: single calls a second make a saw of the line otherwise. */
export function smoothed(seconds: Second[]): Second[] {
  return seconds.map((_, i) => {
    const part = seconds.slice(Math.max(0, i - 1), i + 2);
    return {
      calls: part.reduce((sum, s) => sum + s.calls, 0) / part.length,
      errors: part.reduce((sum, s) => sum + s.errors, 0) / part.length,
    };
  });
}
