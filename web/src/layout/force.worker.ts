/** The flat view's worker: a thin caller of `settle`, so that the page goes on meanwhile. */
import { type ForceInput, settle } from "./force";

self.onmessage = (event: MessageEvent<ForceInput>) => self.postMessage(settle(event.data));
