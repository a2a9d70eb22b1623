/**
 * Screenshots of the view on a running hub (mock or real), and its frame rate.
 *
 *   node tools/shots.mjs <url> <output directory> [name=overview,…]
 */
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [url, out, only] = process.argv.slice(2);
await mkdir(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const wanted = (name) => !only || only.split(",").includes(name);

async function open(width, height, scheme) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
  page.on("pageerror", (error) => console.log("page error:", error.message));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && console.log("console:", m.text()));
  page.on(
    "request",
    (r) => !r.url().startsWith(url) && !r.url().startsWith("ws") && console.log("external request:", r.url()),
  );
  await page.goto(url);
  await page.waitForTimeout(6000);
  return page;
}

async function shot(page, name) {
  await page.screenshot({ path: `${out}/${name}.png` });
  console.log(name, JSON.stringify(await page.evaluate(() => window.__hopwatch.stats())));
}

async function clickNode(page, kind, test = () => true) {
  const nodes = await page.evaluate(() => window.__hopwatch.nodes());
  const node = nodes.find((n) => n.kind === kind && test(n)) ?? nodes[0];
  await page.mouse.click(node.x + node.w / 2, node.y + node.h / 2);
  await page.waitForTimeout(1800);
}

if (wanted("overview")) {
  for (const scheme of ["dark", "light"]) {
    const page = await open(1600, 948, scheme);
    await shot(page, `overview-${scheme}`);
    await page.close();
  }
}
if (wanted("small")) {
  const page = await open(1440, 900, "dark");
  await shot(page, "overview-1440");
  await page.close();
}
if (wanted("inspect")) {
  const page = await open(1600, 948, "dark");
  await clickNode(page, "service");
  await shot(page, "inspect-dark");
  await page.locator(".panel .requests .row").first().click();
  await page.waitForTimeout(1500);
  await shot(page, "request-dark");
  await page.keyboard.press("b");
  await page.waitForTimeout(900);
  await shot(page, "bad-dark");
  await page.locator('[data-testid="bad-requests"] .row').first().click();
  await page.waitForTimeout(1500);
  await shot(page, "bad-request-dark");
  await page.keyboard.press("n");
  await page.waitForTimeout(900);
  await shot(page, "notices-dark");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.waitForTimeout(500);
  await shot(page, "help-dark");
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("server-a");
  await page.waitForTimeout(500);
  await shot(page, "search-dark");
  await page.close();
}
if (wanted("inspect-light")) {
  const page = await open(1440, 900, "light");
  const edge = (await page.evaluate(() => window.__hopwatch.edges()))[2];
  await page.mouse.click(edge.x, edge.y);
  await page.waitForTimeout(1500);
  await shot(page, "edge-light");
  await page.close();
}
if (only?.includes("phone")) {
  const page = await open(400, 820, "dark");
  await shot(page, "phone");
  await page.close();
}
await browser.close();
