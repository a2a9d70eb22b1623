// axe over the states of the page, in both themes, and the page at a phone's width.
import { createRequire } from "node:module";
import { byTestId, given, onThePage, untilDrawn } from "./open.mjs";

const AXE = createRequire(`${process.cwd()}/`).resolve("axe-core/axe.min.js");

/** Findings that axe calls serious or critical, each with its first element. */
async function serious(page, state) {
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${state}: ${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}

const STATES = {
  overview: async () => {},
  selection: async (page) => {
    const node = (await page.evaluate(() => window.__hopwatch.nodes())).find((n) => n.kind === "service");
    await page.mouse.click(node.x + node.w / 2, node.y + node.h / 2);
    await page.locator(".panel .requests .row").first().waitFor();
  },
  request: async (page) => {
    await page.locator(".panel .requests .row").first().click();
    await page.getByText(/Hop 1 ·/).first().waitFor();
  },
  bad: (page) => page.keyboard.press("b"),
  notices: (page) => page.keyboard.press("n"),
  table: (page) => page.keyboard.press("l"),
  filter: async (page) => {
    await page.keyboard.press("Escape");
    await byTestId(page, "filter-toggle").click();
  },
  help: async (page) => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
  },
};

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  // The page's policy lets no inline script run; axe comes through the debugger, not through the page.
  await page.evaluate((await import("node:fs")).readFileSync(AXE, "utf8"));
  const findings = [];
  for (const [state, enter] of Object.entries(STATES)) {
    await enter(page);
    await page.waitForTimeout(400); // a finding in mid-transition is none
    findings.push(...(await serious(page, state)));
  }
  await page.keyboard.press("Escape");
  const seen = { findings };
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  seen.outside = await page.evaluate(() =>
    [...document.querySelectorAll(".bar button, .bar input, .bar select")]
      .filter((e) => e.checkVisibility())
      .map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect()])
      .filter(([, box]) => box.left < 0 || box.right > window.innerWidth + 0.5)
      .map(([name]) => name),
  );
  return seen;
});
