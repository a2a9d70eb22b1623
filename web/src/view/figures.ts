/** Figures of a selection: six tiles, and the split by status class. */
import { bytes, ms, rate, share } from "../render/format";
import { CLASS_NAMES } from "../store/classes";
import type { Figures } from "../store/graph";
import { h, setText } from "./dom";

export function figureTiles() {
  const values = ["Requests", "Errors", "Bytes", "p50", "p95", "p99"].map((label) => ({
    label,
    value: h("b", {}),
  }));
  const element = h(
    "div",
    { class: "tiles" },
    ...values.map(({ label, value }) => h("div", { class: "tile" }, h("span", {}, label), value)),
  );
  const update = (f: Figures) => {
    const size = f.calls === 0 ? "–" : bytes(f.bytes);
    const texts = [
      `${rate(f.rate)}/s`,
      share(f.errors, f.calls),
      size,
      ms(f.p50_ms),
      ms(f.p95_ms),
      ms(f.p99_ms),
    ];
    values.forEach(({ value }, i) => setText(value, texts[i]));
    values[1].value.classList.toggle("bad-text", f.errors > 0);
  };
  return { element, update };
}

export function statusSplit() {
  const parts = CLASS_NAMES.map((name) => ({ bar: h("i", { class: `c${name}` }), text: h("span") }));
  const none = h("p", { class: "hint" }, "No request seen in 60 s.");
  const bar = h("div", { class: "split-bar" }, ...parts.map((part) => part.bar));
  const words = h("div", { class: "split-text" }, ...parts.map((part) => part.text));
  const element = h("div", { class: "split" }, bar, words, none);
  const update = (counts: number[]) => {
    const all = counts.reduce((sum, n) => sum + n, 0);
    none.hidden = all > 0;
    bar.hidden = words.hidden = all === 0;
    parts.forEach((part, i) => {
      part.bar.style.flexGrow = String(counts[i]);
      part.bar.hidden = counts[i] === 0;
      setText(part.text, `${CLASS_NAMES[i]} ${share(counts[i], all)}`);
      part.text.classList.toggle("faint", counts[i] === 0);
    });
  };
  return { element, update };
}
