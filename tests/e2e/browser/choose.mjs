// What a person chooses: filter, noise, views, closed hulls, places by hand, pause; and that links and reloads keep it.
import { byTestId, given, onThePage, untilDrawn } from "./open.mjs";

const nodes = (page) => page.evaluate(() => window.__hopwatch.nodes());
const place = async (page, id) => (await nodes(page)).find((node) => node.id === id);
const middle = ({ x, y, w, h }) => [x + w / 2, y + h / 2];

/** The edges of the next packets drawn, at most `most` of them in 12 s. */
const drawnEdges = (page, most) =>
  page.evaluate(
    (bound) =>
      new Promise((resolve) => {
        const seen = [];
        const end = () => {
          window.__hopwatch.onPacketDrawn = undefined;
          resolve(seen);
        };
        const timer = setTimeout(end, 12_000);
        window.__hopwatch.onPacketDrawn = ({ edgeId }) => {
          if (seen.push(edgeId) < bound) return;
          clearTimeout(timer);
          end();
        };
      }),
    most,
  );

async function search(page, text) {
  await page.keyboard.press("Control+k");
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

/** The hub has answered a query when it says what fits it. */
const fits = (page) => page.locator(".fit:not([hidden])", { hasText: /fitted/ }).waitFor();

async function filter(page) {
  await search(page, "origin:cross_server");
  await fits(page);
  // What was under way before is gone when the last of it has arrived.
  await page.waitForFunction(() => window.__hopwatch.stats().packets > 0);
  const seen = { address: page.url(), fits: await byTestId(page, "filter-bar").innerText() };
  seen.edges = await drawnEdges(page, 12);
  await search(page, "statu:5xx");
  await byTestId(page, "query-error").waitFor();
  seen.error = await byTestId(page, "query-error").innerText();
  await page.getByRole("button", { name: "Clear all" }).click();
  await byTestId(page, "query-error").waitFor({ state: "hidden" });
  await byTestId(page, "noise-toggle").click();
  await fits(page);
  seen.noise = [page.url(), await byTestId(page, "noise-toggle").getAttribute("aria-pressed")];
  await byTestId(page, "noise-toggle").click();
  await byTestId(page, "filter-toggle").click();
  await page.locator("#filter-menu").getByLabel("Method").selectOption("POST");
  await fits(page);
  seen.menu = new URL(page.url()).searchParams.get("q");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /Take away/ }).click();
  return seen;
}

async function views(page) {
  const seen = {};
  for (const view of ["Services", "Flat", "Servers"]) {
    await page.getByRole("group", { name: "View" }).getByRole("button", { name: view }).click();
    await page.waitForFunction(
      (hulls) => {
        const placed = window.__hopwatch.nodes();
        return placed.filter((n) => n.kind === "hull").length === hulls && placed.length > hulls;
      },
      { Services: 1, Flat: 0, Servers: 2 }[view],
    );
    const placed = await nodes(page);
    const hulls = placed.filter((n) => n.kind === "hull").map((n) => n.id);
    seen[view] = { ids: placed.map((n) => n.id), hulls, address: new URL(page.url()).search };
  }
  return seen;
}

async function collapse(page, server) {
  const before = (await nodes(page)).length;
  const hull = await place(page, server);
  await page.mouse.dblclick(hull.x + hull.w / 2, hull.y + 20);
  await page.waitForFunction((n) => window.__hopwatch.nodes().length < n, before);
  const closed = (await nodes(page)).map((n) => n.id);
  await page.evaluate(() => history.replaceState(null, "", "/"));
  await page.reload();
  await untilDrawn(page, [server, `all:${server}`]);
  const reloaded = (await nodes(page)).map((n) => n.id);
  const again = await place(page, server);
  await page.mouse.dblclick(again.x + again.w / 2, again.y + 12);
  await page.waitForFunction((n) => window.__hopwatch.nodes().length >= n, before);
  return { closed, reloaded };
}

async function drag(page, id) {
  const before = (await page.evaluate(() => window.__hopwatch.places())).find((p) => p.id === id);
  const [x, y] = middle(await place(page, id));
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 30, y + 12, { steps: 4 });
  await page.mouse.move(x + 60, y + 24, { steps: 4 });
  await page.mouse.up();
  const placeNow = async () => (await page.evaluate(() => window.__hopwatch.places())).find((p) => p.id === id);
  const dragged = await placeNow();
  await page.reload();
  await untilDrawn(page, [id]);
  return { before, dragged, reloaded: await placeNow() };
}

async function pause(page) {
  const seqOf = () => page.evaluate(() => window.__hopwatch.stats());
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("Space");
  await page.locator(".paused-note").waitFor();
  const still = await seqOf();
  await page.waitForFunction((seq) => window.__hopwatch.stats().seq > seq + 5, still.seq);
  const later = await seqOf();
  const words = await byTestId(page, "live-state").innerText();
  await page.keyboard.press("Space");
  await page.locator(".paused-note").waitFor({ state: "hidden" });
  return { packets: [still.packets, later.packets], words };
}

async function link(page) {
  const [x, y] = middle(await place(page, given.service));
  await page.mouse.click(x, y);
  await byTestId(page, "panel").locator("h2").waitFor();
  const address = page.url();
  const other = await page.context().newPage();
  await other.goto(address);
  await byTestId(other, "panel").waitFor();
  const title = await byTestId(other, "panel").locator("h2").innerText();
  await other.close();
  await page.keyboard.press("Escape");
  return { address, title };
}

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  const seen = { link: await link(page), filter: await filter(page), views: await views(page) };
  seen.collapse = await collapse(page, given.server);
  await untilDrawn(page, given.nodes);
  seen.drag = await drag(page, given.service);
  seen.pause = await pause(page);
  return seen;
});
