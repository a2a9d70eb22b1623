// What a person does with the past: the list of requests, the timeline, a replay, and the way back to now.
import { createRequire } from "node:module";
import { byTestId, given, onThePage, untilDrawn } from "./open.mjs";

const AXE = createRequire(`${process.cwd()}/`).resolve("axe-core/axe.min.js");
const param = (page, key) => new URL(page.url()).searchParams.get(key);
const rows = (page) => page.locator(".list-row:not(.unknown)");

async function serious(page, state) {
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${state}: ${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}

/** What stands in a row, with its place on the screen. */
const rowNow = (page, i) =>
  rows(page)
    .nth(i)
    .evaluate((row) => ({ text: row.textContent, y: row.getBoundingClientRect().y }));

async function list(page, findings) {
  const seen = {};
  await page.keyboard.press("r");
  await rows(page).first().waitFor();
  seen.address = page.url();
  const first = await rowNow(page, 2);
  await byTestId(page, "fresh").waitFor();
  seen.stood = [first, await rowNow(page, 2)];
  seen.count = await byTestId(page, "list-count").innerText();
  await byTestId(page, "fresh").click();
  await page.waitForFunction(
    (text) => document.querySelectorAll(".list-row")[2]?.textContent !== text,
    first.text,
  );
  await byTestId(page, "request-list").focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Enter"]) await page.keyboard.press(key);
  await page.getByText(/Hop 1 ·/).first().waitFor();
  seen.opened = param(page, "call");
  seen.active = await page.locator(".list-row.active").getAttribute("aria-selected");
  findings.push(...(await serious(page, "list with a request")));
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByText(/Hop 1 ·/).first().waitFor();
  seen.linked = await byTestId(other, "panel").locator(".panel-head .sub").innerText();
  await other.close();
  await page.keyboard.press("Escape");
  await byTestId(page, "panel").waitFor({ state: "hidden" });
  seen.inDocument = await page.locator(".list-row").count();
  return seen;
}

/** Far down by the scrollbar: rows come from there, and back at the top the newest ones. */
async function scroll(page) {
  const grid = byTestId(page, "request-list");
  const known = () =>
    page.waitForFunction(() => {
      const all = [...document.querySelectorAll(".list-row")];
      return all.length > 10 && all.every((row) => !row.classList.contains("unknown"));
    });
  await grid.evaluate((element) => {
    element.scrollTop = element.scrollHeight * 0.7;
  });
  await known();
  const there = await rowNow(page, 3);
  await grid.evaluate((element) => {
    element.scrollTop = 0;
  });
  await known();
  return { there: there.text, inDocument: await page.locator(".list-row").count() };
}

async function columnsAndExport(page) {
  await byTestId(page, "columns-toggle").click();
  await page.getByLabel("Trace").check();
  await page.keyboard.press("Escape");
  await page.getByRole("columnheader", { name: "Trace" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("status:4xx");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => {
    const codes = [...document.querySelectorAll(".list-row .cell-status")].map((cell) => cell.textContent);
    return codes.length > 0 && codes.every((code) => code.startsWith("4"));
  });
  await byTestId(page, "export-toggle").click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "CSV" }).click(),
  ]);
  const lines = (await import("node:fs")).readFileSync(await download.path(), "utf8").trim().split(/\r?\n/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /Take away/ }).click();
  await page.reload();
  await rows(page).first().waitFor();
  const heads = await page.getByRole("columnheader").allInnerTexts();
  const status = lines[0].split(",").indexOf("status");
  return { heads, name: download.suggestedFilename(), statuses: lines.slice(1).map((l) => l.split(",")[status]) };
}

async function timeline(page) {
  const chart = byTestId(page, "timeline");
  await page.waitForFunction(() => /kept since/.test(document.querySelector(".span")?.textContent ?? ""));
  const seen = { kept: await page.locator(".span").innerText(), now: await chart.getAttribute("aria-valuetext") };
  const length = async () =>
    Number(await chart.getAttribute("aria-valuemax")) - Number(await chart.getAttribute("aria-valuemin"));
  const before = await length();
  await page.getByRole("button", { name: "Show a shorter time" }).click();
  const closer = await length();
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 20);
  await page.mouse.wheel(0, 900);
  seen.lengths = [before, closer, await length()];
  await page.mouse.move(box.x + box.width - 60, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 8, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await byTestId(page, "range-menu").getByRole("button", { name: "List the requests" }).click();
  await page.waitForFunction(() => new URL(location.href).searchParams.has("until"));
  seen.window = [param(page, "since"), param(page, "until")];
  return seen;
}

async function replay(page, findings) {
  const moment = new Date(given.replayFromMs).toISOString();
  await page.goto(`${given.url}?replay=${moment}&speed=4`);
  await byTestId(page, "replay-bar").waitFor();
  // It plays: packets of the past move, and its clock goes on.
  await page.waitForFunction(() => window.__hopwatch.stats().packets > 0);
  const clock = byTestId(page, "replay-clock");
  const seen = {
    words: await byTestId(page, "live-state").innerText(),
    claims: await byTestId(page, "status-bar").innerText(),
    mode: await page.locator("html").getAttribute("data-mode"),
    speed: param(page, "speed"),
  };
  findings.push(...(await serious(page, "replay")));
  await page.keyboard.press("Space");
  await byTestId(page, "replay-bar").getByText("REPLAY PAUSED").waitFor();
  // What was under way when the hub was told has come by then.
  await page.waitForFunction(() => window.__hopwatch.stats().packets === 0);
  const stands = await clock.innerText();
  await page.waitForFunction(() => new URL(location.href).searchParams.get("paused") === "true");
  seen.stood = [stands, await clock.innerText(), param(page, "replay")];
  const chart = byTestId(page, "timeline");
  await chart.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => document.querySelector(".replay-clock").textContent !== before, stands);
  seen.sought = [param(page, "paused"), await clock.innerText()];
  await byTestId(page, "replay-bar").getByRole("button", { name: "100×" }).click();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => new URL(location.href).searchParams.get("speed") === "100");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press(".");
  await page.locator('[data-testid="live-state"][data-state="live"]').waitFor();
  await page.waitForFunction(() => !new URL(location.href).searchParams.has("replay"));
  seen.back = await page.locator("html").getAttribute("data-mode");
  return seen;
}

/** On a phone and in light: the list with a column more, a request, a replay. */
async function onAPhone(page, findings) {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${given.url}?page=requests`);
  await rows(page).first().waitFor();
  await byTestId(page, "columns-toggle").click();
  findings.push(...(await serious(page, "columns on a phone")));
  await page.getByLabel("Client").check();
  await page.keyboard.press("Escape");
  await page.getByRole("columnheader", { name: "Client" }).waitFor();
  const seen = {
    heads: await page.locator(".list-head > span").allInnerTexts(),
    reaches: await byTestId(page, "request-list").evaluate((grid) => {
      grid.scrollLeft = grid.scrollWidth;
      const { right } = grid.querySelector(".list-head").lastElementChild.getBoundingClientRect();
      return right <= grid.getBoundingClientRect().right;
    }),
    wide: await page.evaluate(() => document.documentElement.scrollWidth),
  };
  findings.push(...(await serious(page, "list on a phone, light")));
  await rows(page).first().click();
  await page.getByText(/Hop 1 ·/).first().waitFor();
  findings.push(...(await serious(page, "request on a phone, light")));
  await page.goto(`${given.url}?replay=${new Date(given.replayFromMs).toISOString()}&speed=4`);
  await byTestId(page, "replay-bar").waitFor();
  findings.push(...(await serious(page, "replay on a phone, light")));
  return seen;
}

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  const axe = (await import("node:fs")).readFileSync(AXE, "utf8");
  await page.evaluate(axe);
  const findings = [];
  const seen = { findings, list: await list(page, findings), scroll: await scroll(page) };
  seen.kept = await columnsAndExport(page);
  seen.timeline = await timeline(page);
  await page.context().addInitScript(axe);
  seen.replay = await replay(page, findings);
  seen.phone = await onAPhone(page, findings);
  return seen;
});
