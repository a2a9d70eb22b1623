// The real Chromium on the real view: opens a page and notes everything that must not happen.
import { createRequire } from "node:module";

const { chromium } = createRequire(import.meta.url)(process.env.HOPWATCH_PLAYWRIGHT);

export const given = JSON.parse(process.argv[2]);

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Gives `look` a page on `given.url`; prints what it returns, with what went wrong meanwhile. */
export async function onThePage(look) {
  const browser = await chromium.launch({ executablePath: given.chromium, args: FLAGS });
  try {
    const context = await browser.newContext({
      viewport: { width: given.width ?? 1600, height: given.height ?? 948 },
      colorScheme: given.theme ?? "dark",
    });
    context.setDefaultTimeout(given.timeoutMs ?? 60_000);
    const page = await context.newPage();
    const wrong = watch(page, new URL(given.url).host);
    await page.goto(given.url);
    const seen = await look(page);
    console.log(JSON.stringify({ ...seen, ...wrong }));
  } finally {
    await browser.close();
  }
}

/** Lists that must stay empty. */
function watch(page, host) {
  const wrong = { consoleErrors: [], pageErrors: [], strangers: [], failed: [] };
  page.on("console", (message) => {
    if (message.type() === "error") wrong.consoleErrors.push(message.text());
  });
  page.on("pageerror", (error) => wrong.pageErrors.push(String(error)));
  page.on("request", (request) => {
    const { protocol, host: asked } = new URL(request.url());
    if (asked !== host && !["data:", "blob:"].includes(protocol)) wrong.strangers.push(request.url());
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== host) wrong.strangers.push(socket.url());
  });
  page.on("response", (response) => {
    if (response.status() >= 400) wrong.failed.push(`${response.status()} ${response.url()}`);
  });
  return wrong;
}

export const byTestId = (page, id) => page.locator(`[data-testid="${id}"]`);

/** Waits until the view is live and these nodes are placed. */
export async function untilDrawn(page, ids) {
  await page.locator('[data-testid="live-state"][data-state="live"]').waitFor();
  await page.waitForFunction(
    (wanted) => {
      const drawn = new Set(window.__hopwatch?.nodes().map((node) => node.id));
      return wanted.every((id) => drawn.has(id));
    },
    ids,
  );
}
