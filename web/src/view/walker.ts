/** The picture by keyboard: arrows go from thing to thing, Enter opens one, o unfolds it: a server, or a service's containers. */
import { type Direction, nextStop, type Stop } from "../layout/walk";
import { sentence } from "../render/edges";
import { nodeFigures } from "../render/frame";
import { serverOfTotals } from "../select/project";
import type { Selection } from "../select/visible";
import { NO_FIGURES } from "../store/graph";
import type { App } from "./app";
import { h, setText } from "./dom";
import { titleOf } from "./selection";

const DIRECTIONS: Record<string, Direction> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};
/** A hull's stop is its name, not its middle. */
const HULL_STOP: readonly [number, number] = [60, 33];

/** Listens on the picture; the returned element says where one is to a screen reader. */
export function attachWalker(
  app: App,
  picture: HTMLElement,
  show: (target: Selection | null, x: number, y: number) => void,
): HTMLElement {
  const said = h("p", { class: "visually-hidden", "aria-live": "polite", "data-testid": "walker" });
  let at: Stop | null = null;
  picture.tabIndex = 0;
  picture.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (direction) {
      event.preventDefault();
      const stops = stopsOf(app);
      at = nextStop(stops, stops.find((stop) => stop.id === at?.id) ?? null, direction);
      if (at) point(at);
    } else if (at && event.key === "Enter") {
      app.select(targetOf(at));
    } else if (at && event.key === "o") {
      const target = targetOf(at);
      const server =
        target.kind === "server" ? target.id : target.kind === "node" ? serverOfTotals(target.id) : null;
      if (server !== null) app.toggleHull(server);
      else if (target.kind === "node") app.scene.unfold(target.id);
    }
  });
  picture.addEventListener("blur", () => {
    app.scene.setHovered(null);
    show(null, 0, 0);
  });

  const point = (stop: Stop) => {
    const target = targetOf(stop);
    app.scene.setHovered(target);
    app.scene.reveal(stop.x, stop.y);
    const { camera } = app.scene.picture;
    show(target, stop.x * camera.k + camera.x + 20, stop.y * camera.k + camera.y + 20);
    const words = titleOf(app.state.shown, target);
    setText(said, `${words.title}, ${words.text}. ${figuresText(app, target)}`);
  };
  return said;
}

function stopsOf(app: App): Stop[] {
  const { hulls, items } = app.scene.picture.layout;
  return [
    ...[...hulls.values()].map(({ id, x, y }) => ({
      id: `server:${id}`,
      x: x + HULL_STOP[0],
      y: y + HULL_STOP[1],
    })),
    ...[...items.values()].map(({ id, x, y, w, h: tall }) => ({
      id: `node:${id}`,
      x: x + w / 2,
      y: y + tall / 2,
    })),
  ];
}

function targetOf(stop: Stop): Selection {
  const id = stop.id.slice(stop.id.indexOf(":") + 1);
  return stop.id.startsWith("server:") ? { kind: "server", id } : { kind: "node", id };
}

function figuresText(app: App, target: Selection): string {
  const { shown } = app.state;
  if (target.kind === "server") return sentence(shown.serverFigures.get(target.id) ?? NO_FIGURES);
  const node = target.kind === "node" ? shown.nodes.get(target.id) : undefined;
  return node ? sentence(nodeFigures(app.scene.picture, node)) : "";
}
