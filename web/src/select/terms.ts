/**
 * A query as a list of terms, so that buttons can switch single ones on and off. The hub reads the query;
 * here a text is only taken apart at its spaces. Pure.
 */

/** Health checks and scanners, as the hub knows them. */
export const NO_NOISE = "-is:noise";

/** The terms of a query as they were written; quotes and parentheses hold together. */
export function termsOf(q: string): string[] {
  const terms: string[] = [];
  let [depth, quoted, term] = [0, false, ""];
  for (const char of q) {
    if (char === '"') quoted = !quoted;
    if (!quoted && char === "(") depth++;
    if (!quoted && char === ")") depth--;
    if (/\s/.test(char) && !quoted && depth <= 0) {
      if (term) terms.push(term);
      term = "";
    } else term += char;
  }
  return term ? [...terms, term] : terms;
}

export function hasTerm(q: string, term: string): boolean {
  return termsOf(q).includes(term);
}

/** With the term where it was lacking, without it where it was there. */
export function toggleTerm(q: string, term: string): string {
  const terms = termsOf(q);
  return (terms.includes(term) ? terms.filter((t) => t !== term) : [...terms, term]).join(" ");
}

/** The value of a field's one term, "" where there is none. */
export function fieldValue(q: string, field: string): string {
  const term = termsOf(q).find((t) => t.startsWith(`${field}:`));
  return term ? term.slice(field.length + 1) : "";
}

/** With this value of the field instead of any other; "" takes the field away. */
export function withValue(q: string, field: string, value: string): string {
  const others = termsOf(q).filter((t) => !t.startsWith(`${field}:`));
  return (value ? [...others, `${field}:${value}`] : others).join(" ");
}

/** A value that the query language would not read as one word is quoted. */
export function quoted(value: string): string {
  return /^[^\s()",*]+$/.test(value) ? value : `"${value.replaceAll('"', "")}"`;
}

/** Whether a text looks like a query rather than a name to look for. */
export function looksLikeQuery(text: string): boolean {
  return /(^|\s|\()-?[a-z_]+:\S/i.test(text);
}
