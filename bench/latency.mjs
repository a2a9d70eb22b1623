// A real Chromium that notes when each packet was first drawn, and when each frame came.
import { byTestId, given, onThePage, untilDrawn } from "../tests/e2e/browser/open.mjs";

/** Milliseconds from completion to the hub's frame, and from there to this machine's page. */
function watchFrames(page, stages) {
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      const at = Date.now();
      const message = JSON.parse(payload);
      if (message.type !== "frame" || !stages.on) return;
      stages.toFrame.push(...message.packets.end_ms);
      if (message.packets.edge.length) stages.toPage.push(at - message.time_ms);
    }),
  );
}

await onThePage(async (page) => {
  const stages = { on: false, toFrame: [], toPage: [] };
  watchFrames(page, stages);
  await page.reload();
  await untilDrawn(page, given.nodes);
  await page.waitForTimeout(1000 * given.warmUpS);
  stages.on = true;
  await page.evaluate(() => {
    window.drawnPackets = [];
    window.__hopwatch.onPacketDrawn = (info) => window.drawnPackets.push(info);
  });
  await page.waitForTimeout(1000 * given.seconds);
  const drawn = await page.evaluate(() => window.drawnPackets);
  const stats = await page.evaluate(() => window.__hopwatch.stats());
  const live = await byTestId(page, "live-state").innerText();
  return { drawn, toFrame: stages.toFrame, toPage: stages.toPage, stats, live };
});
