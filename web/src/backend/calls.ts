/** One whole call with its hops, from `/api/v1/requests/{id}`; rejects with a sentence to show. */
import type { Call } from "#forms";

export async function fetchCall(id: string, signal: AbortSignal): Promise<Call> {
  const response = await fetch(`/api/v1/requests/${encodeURIComponent(id)}`, { signal });
  if (response.ok) return response.json();
  if (response.status === 404) {
    throw new Error("The hub does not list this call yet: it waits up to 5 s for its other half.");
  }
  throw new Error(`The hub answered ${response.status}.`);
}
