// The picture that the README shows: the live demo at rest in a person's eye, no panel open.
import { given, onThePage, untilDrawn } from "./open.mjs";

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  // What the timeline shows has happened while the page was open.
  await page.waitForTimeout(1000 * (given.watchedS ?? 0));
  // Enough packets for a lively picture, every one of them real.
  await page.waitForFunction((least) => window.__hopwatch.stats().packets >= least, given.packets ?? 12);
  await page.mouse.move(2, 2);
  await page.screenshot({ path: given.path });
  return { path: given.path };
});
