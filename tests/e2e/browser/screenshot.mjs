// A picture for the docs: the live demo at rest in a person's eye; with a request open where asked.
import { given, onThePage, untilDrawn } from "./open.mjs";

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  // What the timeline shows has happened while the page was open.
  await page.waitForTimeout(1000 * (given.watchedS ?? 0));
  if (given.service) {
    const node = (await page.evaluate(() => window.__hopwatch.nodes())).find((n) => n.id === given.service);
    await page.mouse.click(node.x + node.w / 2, node.y + node.h / 2);
    const rows = page.locator(".panel .requests .row");
    for (let i = 0; i < 12 && !(await page.getByText(/Hop 2 ·/).count()); i++) {
      if (i > 0) await page.getByRole("button", { name: "Back" }).click();
      await rows.nth(i).click();
      await page.getByText(/Hop 1 ·/).first().waitFor();
    }
  }
  // Enough packets for a lively picture, every one of them real.
  await page.waitForFunction((least) => window.__hopwatch.stats().packets >= least, given.packets ?? 12);
  await page.mouse.move(2, 2);
  await page.screenshot({ path: given.path });
  return { path: given.path };
});
