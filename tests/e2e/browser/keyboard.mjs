// The view without a mouse: from node to node, into a request, to the lists, and back.
import { byTestId, given, onThePage, untilDrawn } from "./open.mjs";

const focused = (page) =>
  page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("aria-label"));

/** Presses Tab until this element has the focus; how often. */
async function tabTo(page, test, most = 60) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(test)) return i + 1;
  }
  throw new Error(`not reached with ${most} tabs; at ${await focused(page)}`);
}

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  const seen = { tabs: await tabTo(page, () => document.activeElement?.id === "graph") };
  seen.walked = [];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"]) {
    await page.keyboard.press(key);
    seen.walked.push(await byTestId(page, "walker").innerText());
  }
  await page.keyboard.press("Enter");
  await byTestId(page, "panel").waitFor();
  seen.opened = await byTestId(page, "panel").locator("h2").innerText();
  await page.locator(".panel .requests .row").first().waitFor();
  await tabTo(page, () => document.activeElement?.matches(".panel .requests .row"));
  await page.keyboard.press("Enter");
  await page.getByText(/Hop 1 ·/).first().waitFor();
  seen.request = await byTestId(page, "panel").locator("h2").innerText();
  await page.keyboard.press("Escape");
  await byTestId(page, "panel").waitFor({ state: "hidden" });
  seen.lists = [];
  for (const key of ["b", "n"]) {
    await page.keyboard.press(key);
    seen.lists.push(await byTestId(page, "panel").locator("h2").innerText());
  }
  await page.keyboard.press("Escape");
  await page.keyboard.press("l");
  await page.locator(".table-view").waitFor();
  seen.table = await page.locator(".table-view").innerText();
  await page.keyboard.press("l");
  await page.keyboard.press("2");
  await page.waitForFunction(() => window.__hopwatch.nodes().filter((n) => n.kind === "hull").length === 1);
  await page.keyboard.press("1");
  await page.keyboard.press("?");
  await page.locator("dialog.help[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog.help[open]").waitFor({ state: "hidden" });
  await page.keyboard.press("Control+k");
  seen.search = await focused(page);
  return seen;
});
