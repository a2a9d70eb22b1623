/** Moments as people read them: the day is left out where it is today. */

export function dayClock(epochMs: number, nowMs: number = Date.now()): string {
  const date = new Date(epochMs);
  const time = date.toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  return sameDay(date, new Date(nowMs)) ? time : `${dayText(date)} ${time}`;
}

export function dayText(date: Date): string {
  return date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
}

function sameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}

/** To a field of type datetime-local, in this browser's zone; and back. */
export function toField(epochMs: number): string {
  const shifted = new Date(epochMs - new Date(epochMs).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

export function fromField(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}
