/** A request's chain from the hub: up to the first one, then down to everything that was made for it. */
import type { CallInFull } from "#forms";
import { CHAIN_DEPTH, CHAIN_MAX } from "../defaults";
import { fetchCall } from "./calls";

export interface Chain {
  root: CallInFull;
  calls: CallInFull[];
  /** Some were left out: the chain is longer than its bound. */
  more: boolean;
}

export async function fetchChain(call: CallInFull, signal: AbortSignal): Promise<Chain> {
  const calls = new Map([[call.id, call]]);
  let root = call;
  for (let i = 0; i < CHAIN_DEPTH && root.parent !== null && !calls.has(root.parent); i++) {
    const parent = await fetchCall(root.parent, signal).catch(() => null);
    if (!parent) break; // let go of meanwhile
    calls.set(parent.id, parent);
    root = parent;
  }
  let level = [root];
  let more = false;
  for (let depth = 0; depth < CHAIN_DEPTH && level.length > 0; depth++) {
    const wanted = [...new Set(level.flatMap((c) => c.children))].filter((id) => !calls.has(id));
    more ||= calls.size + wanted.length > CHAIN_MAX;
    const asked = wanted.slice(0, Math.max(0, CHAIN_MAX - calls.size));
    const found = await Promise.all(asked.map((id) => fetchCall(id, signal).catch(() => null)));
    const known = level.flatMap((c) => c.children).flatMap((id) => calls.get(id) ?? []);
    const fresh = found.filter((c) => c !== null);
    for (const c of fresh) calls.set(c.id, c);
    level = [...new Set([...known, ...fresh])];
  }
  return { root, calls: [...calls.values()], more };
}
