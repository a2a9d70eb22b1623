/** Who the reader is to the hub, and whether there is a login to leave. */
import type { Session } from "#forms";

/** Null where the hub does not say; the page works without. */
export async function askSession(): Promise<Session | null> {
  const answer = await fetch("/api/v1/session").catch(() => null);
  return answer?.ok ? ((await answer.json()) as Session) : null;
}
