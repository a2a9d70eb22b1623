/**
 * Whether the hub asks who is there: the socket tells only that it did not open, an answer tells why.
 */

/** Leave for the login page where the session has ended; it leads back here. */
export async function goToLoginWhereAsked(): Promise<void> {
  const answer = await fetch("/api/v1/servers").catch(() => null);
  if (answer?.status !== 401) return;
  const here = location.pathname + location.search + location.hash;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}
