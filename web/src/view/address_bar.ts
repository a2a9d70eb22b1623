/** The address says what is shown; going back in the browser leaves the page, as from any other. */
import type { Scene } from "../render/scene";
import { toQuery } from "./address";
import type { State } from "./app";
import { placeOf } from "./place";

/** Browsers bound how often an address may change; a replay's does with every second. */
const ADDRESS_EVERY_MS = 1000;

/** A function that writes the address, where it has changed. */
export function addressBar(state: State, scene: Scene): () => void {
  let writtenMs = Number.NEGATIVE_INFINITY;
  return () => {
    const query = toQuery(placeOf(state, scene));
    if (query === window.location.search.slice(1)) return;
    if (state.course && performance.now() - writtenMs < ADDRESS_EVERY_MS) return;
    writtenMs = performance.now();
    history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
  };
}
