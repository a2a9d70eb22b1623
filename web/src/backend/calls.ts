/** Calls from the hub's API; rejects with a sentence to show. */
import type { Call, CallInFull, Problem, Requests, ServerState, Servers } from "#forms";

/** The newest calls of an edge, a node or a server, by the filters of `/api/v1/requests`. */
export async function fetchNewest(filter: Record<string, string>, signal: AbortSignal): Promise<Call[]> {
  const query = new URLSearchParams(filter);
  const response = await fetch(`/api/v1/requests?${query}`, { signal });
  if (!response.ok) throw new Error(`The hub answered ${response.status}.`);
  return ((await response.json()) as Requests).requests;
}

/** A page of the filtered calls, newest first. */
export async function fetchPage(filter: Record<string, string>, signal: AbortSignal): Promise<Requests> {
  const response = await fetch(`/api/v1/requests?${new URLSearchParams(filter)}`, { signal });
  if (!response.ok) throw new Error(await problemOf(response));
  return response.json();
}

/** What the hub says is wrong with a filter; null: nothing, or it does not answer. */
export async function fetchProblem(filter: Record<string, string>): Promise<string | null> {
  const response = await fetch(`/api/v1/requests?${new URLSearchParams({ ...filter, limit: "1" })}`).catch(
    () => null,
  );
  return response && response.status >= 400 && response.status < 500 ? problemOf(response) : null;
}

async function problemOf(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => null)) as Problem | null;
  return problem?.detail || `The hub answered ${response.status}.`;
}

/** How a server's reporting stands; undefined: the hub knows no such server. */
export async function fetchServer(id: string, signal: AbortSignal): Promise<ServerState | undefined> {
  const response = await fetch("/api/v1/servers", { signal });
  if (!response.ok) throw new Error(`The hub answered ${response.status}.`);
  return ((await response.json()) as Servers).servers.find((server) => server.id === id);
}

/** One whole call with its hops, and the ids of the calls made for it. */
export async function fetchCall(id: string, signal: AbortSignal): Promise<CallInFull> {
  const response = await fetch(`/api/v1/requests/${encodeURIComponent(id)}`, { signal });
  if (response.ok) return response.json();
  if (response.status === 404) {
    throw new Error("The hub does not list this call yet: it waits up to 5 s for its other half.");
  }
  throw new Error(`The hub answered ${response.status}.`);
}
