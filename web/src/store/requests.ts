/**
 * The newest calls and the newest bad ones, for the lists.
 *
 * Enters: call summaries of snapshots and frames. Leaves: arrays, newest first.
 * Always holds: bounded; one entry a call id; an amended call replaces its former revision.
 */
import type { CallSummary, Frame, Snapshot } from "#forms";
import { CALLS_KEPT, ERRORS_KEPT } from "../defaults";

export interface Requests {
  /** Newest first. */
  calls: CallSummary[];
  /** Newest first; only calls that are not ok. */
  errors: CallSummary[];
  /** How many bad calls were seen since opening, kept or not. */
  errorsSeen: number;
}

export function emptyRequests(): Requests {
  return { calls: [], errors: [], errorsSeen: 0 };
}

export function requestsFromSnapshot(snapshot: Snapshot): Requests {
  const errors = merge([], snapshot.errors, ERRORS_KEPT);
  return { calls: merge([], [...snapshot.calls], CALLS_KEPT), errors, errorsSeen: errors.length };
}

/** Takes a frame's calls in, in place. Returns whether the list of bad calls changed. */
export function applyCalls(requests: Requests, frame: Frame): boolean {
  const amendedErrors = frame.amended.filter((call) => !call.ok);
  requests.calls = amend(merge(requests.calls, [...frame.calls, ...frame.errors], CALLS_KEPT), frame.amended);
  if (frame.errors.length === 0 && frame.amended.length === 0) return false;
  const before = requests.errors.length > 0 ? requests.errors[0].id : "";
  requests.errors = amend(merge(requests.errors, frame.errors, ERRORS_KEPT), amendedErrors);
  requests.errorsSeen += frame.errors.length + frame.hidden.errors;
  return frame.errors.length > 0 || amendedErrors.length > 0 || requests.errors[0]?.id !== before;
}

/** `known` (newest first) with `added` (oldest first) before it: each id once, at most `bound`. */
export function merge(known: CallSummary[], added: CallSummary[], bound: number): CallSummary[] {
  if (added.length === 0) return known;
  const newest = new Map<string, CallSummary>();
  for (const call of added) {
    const other = newest.get(call.id);
    if (!other || other.revision <= call.revision) newest.set(call.id, call);
  }
  const fresh = [...newest.values()].sort((a, b) => b.start_ms - a.start_ms);
  return [...fresh, ...known.filter((call) => !newest.has(call.id))].slice(0, bound);
}

function amend(calls: CallSummary[], amended: CallSummary[]): CallSummary[] {
  if (amended.length === 0) return calls;
  const newer = new Map(amended.map((call) => [call.id, call]));
  return calls.map((call) => {
    const other = newer.get(call.id);
    return other && other.revision >= call.revision ? other : call;
  });
}
