// The page while its hub is killed and started again: says what it sees, line by line, as it comes.
import { byTestId, given, onThePage, untilDrawn } from "./open.mjs";

const untilState = (page, state) => page.locator(`[data-testid="live-state"][data-state="${state}"]`).waitFor();

await onThePage(async (page) => {
  await untilDrawn(page, given.nodes);
  console.log("live");
  await untilState(page, "lost");
  const lost = {
    words: await byTestId(page, "live-state").innerText(),
    claims: await byTestId(page, "status-bar").innerText(),
    nodes: await page.evaluate(() => window.__hopwatch.nodes().length),
  };
  console.log("lost");
  await untilState(page, "live");
  const packet = page.evaluate(
    () =>
      new Promise((resolve) => {
        window.__hopwatch.onPacketDrawn = ({ edgeId }) => resolve(edgeId);
      }),
  );
  return { lost, packet: await packet, claims: await byTestId(page, "status-bar").innerText() };
});
