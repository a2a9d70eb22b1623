/** Figures as text: rates, durations, shares, times. */

export function rate(perSecond: number): string {
  if (perSecond <= 0) return "0";
  if (perSecond < 0.1) return "<0.1";
  if (perSecond < 10) return perSecond.toFixed(1).replace(/\.0$/, "");
  return grouped(Math.round(perSecond));
}

export function grouped(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export function ms(value: number | null): string {
  if (value === null) return "–";
  if (value >= 59_950) return `${(value / 60_000).toFixed(1)} min`;
  if (value >= 9950) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 995) return `${(value / 1000).toFixed(2)} s`;
  if (value >= 9.95) return `${Math.round(value)} ms`;
  return `${value.toFixed(value < 0.995 ? 2 : 1)} ms`;
}

/** Errors among calls, in per cent. */
export function share(errors: number, calls: number): string {
  if (calls === 0) return "–";
  const percent = (100 * errors) / calls;
  if (percent === 0 || percent >= 99.95) return `${Math.round(percent)} %`;
  return `${percent.toFixed(1)} %`;
}

export function clock(epochMs: number): string {
  const d = new Date(epochMs);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1000).toFixed(1)} kB`;
  if (n < 1e9) return `${(n / 1e6).toFixed(1)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** How many rows a list has, as far as that is known. */
export function sizeText(size: { rows: number; exact: boolean }): string {
  return size.exact ? grouped(size.rows) : `≈ ${grouped(rounded(size.rows))}`;
}

/** An estimate has no more digits than it can stand for. */
export function rounded(n: number): number {
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, n))) - 1);
  return Math.round(n / digits) * digits;
}
