// The list of requests, scrolled all over: time until the rows on screen are there, elements, memory.
import { byTestId, given, onThePage } from "../tests/e2e/browser/open.mjs";

/** From now until every row on screen shows its call, and is where the scrollbar says; in ms. */
const rowsThere = (page, share) =>
  page.evaluate(
    (to) =>
      new Promise((resolve) => {
        const grid = document.querySelector('[data-testid="request-list"]');
        const began = performance.now();
        grid.scrollTop = to * (grid.scrollHeight - grid.clientHeight);
        const look = () => {
          const rows = [...grid.querySelectorAll(".list-row")];
          const there = rows.length > 10 && rows.every((row) => !row.classList.contains("unknown"));
          if (there) resolve({ ms: performance.now() - began, rows: rows.length });
          else requestAnimationFrame(look);
        };
        // The scroll event comes with the next frame.
        requestAnimationFrame(() => requestAnimationFrame(look));
      }),
    share,
  );

/** Far from each other, all over the list; never twice the same. */
const places = Array.from({ length: given.visits }, (_, i) => (0.05 + i * 0.618034) % 1);

async function visit(page) {
  const seen = { first: [], again: [], inDocument: 0 };
  for (const turn of ["first", "again"]) {
    for (const share of places) {
      const { ms, rows } = await rowsThere(page, share);
      seen[turn].push(ms);
      seen.inDocument = Math.max(seen.inDocument, rows);
    }
  }
  seen.count = await byTestId(page, "list-count").innerText();
  return seen;
}

/** A hand on the wheel, for some seconds. */
async function wheel(page) {
  const box = await byTestId(page, "request-list").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.evaluate(() => {
    const seen = { at: [performance.now()], on: true };
    window.turned = seen;
    const tick = (at) => {
      seen.at.push(at);
      if (seen.on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  for (let i = 0; i < 100; i++) {
    await page.mouse.wheel(0, 240);
    await page.waitForTimeout(50);
  }
  return page.evaluate(() => {
    window.turned.on = false;
    const { at } = window.turned;
    const gaps = at.slice(1).map((t, i) => t - at[i]);
    const s = (at.at(-1) - at[0]) / 1000;
    return { s, fps: gaps.length / s, longestMs: Math.max(...gaps) };
  });
}

async function footprint(page, session) {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return [usedSize / 1e6, await page.evaluate(() => document.querySelectorAll("*").length)];
}

await onThePage(async (page) => {
  const session = await page.context().newCDPSession(page);
  const known = page.locator(".list-row:not(.unknown)");
  await known.first().waitFor();
  const began = Date.now();
  await page.reload({ waitUntil: "commit" });
  await known.first().waitFor();
  const seen = { firstMs: Date.now() - began };
  // How many there are is estimated by the histogram; the list is as high as the scrollbar allows, or as its rows.
  await page.waitForFunction((calls) => {
    const grid = document.querySelector('[data-testid="request-list"]');
    return grid.scrollHeight > 0.8 * Math.min(34 * calls, 8_000_000);
  }, given.calls);
  const before = await footprint(page, session);
  seen.rowPx = await known.first().evaluate((row) => Math.round(row.getBoundingClientRect().height));
  seen.all = await visit(page);
  await byTestId(page, "request-list").evaluate((grid) => {
    grid.scrollTop = 0;
  });
  seen.wheel = await wheel(page);
  await byTestId(page, "request-list").focus();
  const pressed = Date.now();
  await page.keyboard.press("End");
  await page.waitForFunction(() => {
    const last = document.querySelector(".list-row.active:not(.unknown)");
    return last !== null;
  });
  seen.endMs = Date.now() - pressed;
  await page.keyboard.press("Control+k");
  await page.keyboard.type(given.q);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => {
    const codes = [...document.querySelectorAll(".list-row .cell-status")].map((cell) => cell.textContent);
    return codes.length > 0 && codes.every((code) => code.startsWith("5"));
  });
  seen.filtered = await visit(page);
  const after = await footprint(page, session);
  return { ...seen, heap: [before[0], after[0]], elements: [before[1], after[1]] };
});
