/**
 * What a person should know, newest first; a later notice of the same id replaces the former.
 *
 * Always holds: bounded; `unread` counts notices that came or were repeated since the list was opened.
 */
import type { Notice } from "#forms";

export const NOTICES_KEPT = 200;

export interface Notices {
  list: Notice[];
  unread: Set<string>;
}

export function emptyNotices(): Notices {
  return { list: [], unread: new Set() };
}

/** Takes notices in, in place. Returns whether anything changed. */
export function applyNotices(notices: Notices, added: Notice[]): boolean {
  if (added.length === 0) return false;
  const byId = new Map(notices.list.map((notice) => [notice.id, notice]));
  for (const notice of added) {
    if (!byId.has(notice.id)) notices.unread.add(notice.id);
    byId.set(notice.id, notice);
  }
  notices.list = [...byId.values()].sort((a, b) => (a.time < b.time ? 1 : -1)).slice(0, NOTICES_KEPT);
  return true;
}

export function markRead(notices: Notices): void {
  notices.unread.clear();
}
