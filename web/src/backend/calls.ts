/** Calls from the hub's API; rejects with a sentence to show. */
import type { Call, Requests, ServerState, Servers } from "#forms";

/** The newest calls of an edge, a node or a server, by the filters of `/api/v1/requests`. */
export async function fetchNewest(filter: Record<string, string>, signal: AbortSignal): Promise<Call[]> {
  const query = new URLSearchParams(filter);
  const response = await fetch(`/api/v1/requests?${query}`, { signal });
  if (!response.ok) throw new Error(`The hub answered ${response.status}.`);
  return ((await response.json()) as Requests).requests;
}

/** How a server's reporting stands; undefined: the hub knows no such server. */
export async function fetchServer(id: string, signal: AbortSignal): Promise<ServerState | undefined> {
  const response = await fetch("/api/v1/servers", { signal });
  if (!response.ok) throw new Error(`The hub answered ${response.status}.`);
  return ((await response.json()) as Servers).servers.find((server) => server.id === id);
}

/** One whole call with its hops. */
export async function fetchCall(id: string, signal: AbortSignal): Promise<Call> {
  const response = await fetch(`/api/v1/requests/${encodeURIComponent(id)}`, { signal });
  if (response.ok) return response.json();
  if (response.status === 404) {
    throw new Error("The hub does not list this call yet: it waits up to 5 s for its other half.");
  }
  throw new Error(`The hub answered ${response.status}.`);
}
