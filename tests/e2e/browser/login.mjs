// A person logs in, sees the view live, and logs out; by keyboard, as the page's focus leads.
import { given, onThePage } from "./open.mjs";

await onThePage(async (page) => {
  const at = () => page.url().slice(given.url.length - 1);
  const seen = { first: at(), title: await page.title() };
  seen.focused = await page.evaluate(() => document.activeElement?.id);
  await page.keyboard.type("wrong-wrong-wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]");
  seen.alert = await page.textContent("[role=alert]");
  seen.kept = await page.inputValue("#token");
  if (given.path) await page.screenshot({ path: given.path });
  await page.fill("#token", given.token);
  await Promise.all([page.waitForURL((url) => url.pathname === "/"), page.keyboard.press("Enter")]);
  seen.after = at();
  const frame = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/live`);
        socket.onmessage = (event) => resolve(JSON.parse(event.data).type);
        socket.onclose = () => reject(new Error("closed"));
      }),
  );
  seen.frame = frame;
  seen.cookies = await page.evaluate(() => document.cookie);
  const leave = page.getByRole("button", { name: "Log out" });
  await leave.waitFor();
  seen.reader = await page.textContent('[data-testid="account"] .reader');
  if (given.path) await page.screenshot({ path: given.path.replace(".png", "-in.png") });
  await Promise.all([page.waitForURL(/login/), leave.click()]);
  await page.goto(given.url);
  seen.last = at();
  return seen;
});
