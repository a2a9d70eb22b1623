// Everything that a person is promised to see of the real demo, seen by a real browser.
import { byTestId, given, onThePage, untilDrawn } from "./open.mjs";

/** Selects an edge by a click on the picture; false where nothing is hit. */
async function selectEdge(page, id) {
  const place = await page.evaluate((wanted) => window.__hopwatch.edges().find((e) => e.id === wanted), id);
  if (!place) return false;
  await page.mouse.click(place.x, place.y);
  return byTestId(page, "panel").isVisible();
}

/** Opens the newest request of the panel; its text. */
async function openNewest(page) {
  const rows = byTestId(page, "panel").locator(".requests button.row");
  await rows.first().waitFor();
  await rows.first().click();
  await page.getByText(/Hop 1 ·/).first().waitFor();
  return byTestId(page, "panel").innerText();
}

async function seeCrossServerCall(page) {
  const tried = [];
  for (const id of given.crossServerEdges) {
    if (!(await selectEdge(page, id))) continue;
    const title = await byTestId(page, "panel").locator("h2").innerText();
    const text = await openNewest(page);
    if (/Hop 2 ·/i.test(text)) return { title, text };
    tried.push({ id, title, text });
  }
  throw new Error(`no cross-server call with two hops could be opened: ${JSON.stringify(tried)}`);
}

async function seeBadRequests(page) {
  await byTestId(page, "bad-requests-toggle").click();
  const list = byTestId(page, "bad-requests");
  await list.locator("button.row").first().waitFor();
  const rows = await list.locator("button.row").allInnerTexts();
  const code = list.locator("button.row .code").first();
  const colour = await code.evaluate((element) => getComputedStyle(element).color);
  await list.locator("button.row").first().click();
  await page.getByText(/Hop 1 ·/).first().waitFor();
  return { rows, colour, details: await byTestId(page, "panel").innerText() };
}

async function seeNotices(page) {
  await byTestId(page, "notices-toggle").click();
  const list = byTestId(page, "notices");
  await list.locator("button.row").first().waitFor();
  return list.locator("button.row").allInnerTexts();
}

async function seeStretch(page) {
  const control = byTestId(page, "stretch");
  const [value, options, said] = [
    await control.inputValue(),
    await control.locator("option").allInnerTexts(),
    await control.getAttribute("aria-describedby"),
  ];
  const text = await page.locator(`#${said}`).innerText();
  await control.selectOption(options.length > 2 ? { index: options.length - 1 } : value);
  await page.waitForFunction(([id, before]) => document.getElementById(id).innerText !== before, [said, text]);
  const after = await page.locator(`#${said}`).innerText();
  await control.selectOption(value);
  return { value, options, text, after };
}

async function seeThemes(page) {
  const themes = [];
  for (let i = 0; i < 3; i++) {
    await byTestId(page, "theme-toggle").click();
    const colour = await page.evaluate(() => getComputedStyle(document.body).color);
    themes.push([await page.evaluate(() => document.documentElement.dataset.theme), colour]);
  }
  return themes;
}

/** The first ten packets drawn from now on; fewer after a minute. */
async function seePackets(page) {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        const drawn = [];
        const timer = setTimeout(() => resolve(drawn), 60_000);
        window.__hopwatch.onPacketDrawn = (info) => {
          drawn.push(info);
          if (drawn.length < 10) return;
          clearTimeout(timer);
          window.__hopwatch.onPacketDrawn = undefined;
          resolve(drawn);
        };
      }),
  );
}

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  const seen = {
    live: await byTestId(page, "live-state").innerText(),
    nodes: await page.evaluate(() => window.__hopwatch.nodes()),
    edges: await page.evaluate(() => window.__hopwatch.edges()),
    stats: await page.evaluate(() => window.__hopwatch.stats()),
    statusBar: await byTestId(page, "status-bar").innerText(),
    packets: await seePackets(page),
  };
  seen.crossServer = await seeCrossServerCall(page);
  await page.keyboard.press("Escape");
  seen.bad = await seeBadRequests(page);
  await page.keyboard.press("Escape");
  seen.notices = await seeNotices(page);
  await page.keyboard.press("Escape");
  seen.stretch = await seeStretch(page);
  seen.themes = await seeThemes(page);
  seen.table = await byTestId(page, "sr-table").innerText();
  await byTestId(page, "search").first().click();
  await page.keyboard.type("non-comm");
  seen.found = await page.locator("[role=option]").allInnerTexts();
  await page.keyboard.press("Enter");
  seen.searched = await byTestId(page, "panel").locator("h2").innerText();
  return seen;
});
