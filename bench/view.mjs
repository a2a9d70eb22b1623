// The page's own figures on a fed federation: first picture, frames a second, script time, memory.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { given, onThePage } from "../tests/e2e/browser/open.mjs";

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];

/** CPU seconds used so far, of each process with its parent. */
function processes() {
  const all = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      all.set(Number(pid), { parent: Number(fields[1]), s: (Number(fields[11]) + Number(fields[12])) / 100 });
    } catch {} // it has ended meanwhile
  }
  return all;
}

/** CPU seconds of the browser, and of the feeder and the hub that it started: what a loaded machine changes least. */
function cpuS() {
  const all = processes();
  const below = (pid, root) => all.has(pid) && (all.get(pid).parent === root || below(all.get(pid).parent, root));
  const sum = (pids) => pids.reduce((s, pid) => s + all.get(pid).s, 0);
  const pids = [...all.keys()];
  return {
    browser: sum(pids.filter((pid) => pid !== hub?.pid && below(pid, process.pid))),
    feeder: all.get(given.feeder)?.s ?? 0,
    hub: given.feeder ? sum(pids.filter((pid) => below(pid, given.feeder))) : 0,
  };
}

/** Frames a second of what moves and of the page's own thread, and the script time of both a frame. */
async function watch(page, seconds, move) {
  await page.evaluate(async () => {
    window.__hopwatch.forgetCosts();
    const seen = { frames: 0, on: true, before: (await window.__hopwatch.painted()).frames, since: performance.now() };
    window.watched = seen;
    const tick = () => {
      seen.frames++;
      if (seen.on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const until = Date.now() + 1000 * seconds;
  const [before, began] = [cpuS(), Date.now()];
  for (let i = 0; Date.now() < until; i++) {
    if (move) await move(i);
    else await page.waitForTimeout(100);
  }
  const [after, tookS] = [cpuS(), (Date.now() - began) / 1000];
  const cores = Object.fromEntries(Object.keys(before).map((who) => [who, (after[who] - before[who]) / tookS]));
  const seen = await page.evaluate(async () => {
    const seen = window.watched;
    seen.on = false;
    const painted = await window.__hopwatch.painted();
    const tookS = (performance.now() - seen.since) / 1000;
    const stats = window.__hopwatch.stats();
    const frames = painted.frames - seen.before;
    return {
      frames,
      fps: frames / tookS,
      pageFps: seen.frames / tookS,
      page: [stats.scriptP50Ms, stats.scriptP95Ms],
      painter: [painted.scriptP50Ms, painted.scriptP95Ms],
      packets: stats.packets,
      items: stats.nodes,
      staticMs: stats.staticMs,
    };
  });
  return { ...seen, cores, cpuMsAFrame: (1000 * (after.browser - before.browser)) / Math.max(1, seen.frames) };
}

/** Panning in circles and zooming in and out, by a hand on a mouse. */
async function panAndZoom(page) {
  await page.mouse.move(720, 450);
  return async (i) => {
    if (i % 40 === 0) {
      await page.mouse.up();
      await page.mouse.move(720, 790);
      await page.mouse.down();
    }
    if (i % 40 < 30) await page.mouse.move(720 + 160 * Math.sin(i / 6), 790 - 60 * Math.abs(Math.sin(i / 9)));
    else {
      await page.mouse.up();
      await page.mouse.wheel(0, i % 80 < 40 ? -60 : 60);
    }
    await page.waitForTimeout(16);
  };
}

/** Places of everything, in world pixels: the camera may fit itself anew. */
const places = (page) => page.evaluate(() => window.__hopwatch.places());

async function addOne(page) {
  const before = await places(page);
  const id = await page.evaluate(() => fetch("/add", { method: "POST" }).then((r) => r.text()));
  await page.waitForFunction((wanted) => window.__hopwatch.knows(wanted), id);
  const after = new Map((await places(page)).map((p) => [p.id, p]));
  const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) > 0.5;
  const stayed = before.filter((p) => after.has(p.id)).map((p) => [p, after.get(p.id)]);
  const moved = stayed.filter(([was, now]) => far([was.x, was.y], [now.x, now.y]));
  const inside = stayed.filter(([was, now]) => was.inHull && far(was.inHull, now.inHull));
  const ms = await page.evaluate(() => window.__hopwatch.stats().layoutMs);
  return { nodes: before.length, moved: moved.length, movedInside: inside.length, layoutMs: ms };
}

async function heap(session) {
  await session.send("HeapProfiler.collectGarbage");
  return (await session.send("Runtime.getHeapUsage")).usedSize / 1e6;
}

// A hub that somebody else feeds, or one of the synthetic kind.
const hub = given.fed ? null : spawn("node", [fileURLToPath(new URL("view_hub.mjs", import.meta.url)), JSON.stringify(given.world)], {
  stdio: ["ignore", "pipe", "inherit"],
});
const fed = given.fed ?? (await new Promise((resolve) => hub.stdout.once("data", (text) => resolve(JSON.parse(text)))));
try {
  given.url = fed.url + (given.query ?? "");
  await onThePage(async (page) => {
    const seen = { fed };
    if (given.first) {
      const firsts = [];
      for (let i = 0; i < given.first; i++) {
        await page.goto("about:blank");
        await page.goto(given.url);
        await page.waitForFunction(() => window.__hopwatch?.stats().firstPictureMs > 0);
        firsts.push(await page.evaluate(() => window.__hopwatch.stats().firstPictureMs));
      }
      seen.firstMs = firsts;
    }
    await page.waitForFunction(() => window.__hopwatch?.stats().nodes > 0);
    await page.waitForTimeout(1000 * (given.warmUpS ?? 6));
    if (given.openAll) {
      await page.evaluate(() => window.__hopwatch.openAll());
      await page.waitForTimeout(4000);
    }
    if (given.settleS) await page.waitForTimeout(1000 * given.settleS);
    if (given.stillS) seen.still = await watch(page, given.stillS, null);
    if (given.movingS) seen.moving = await watch(page, given.movingS, await panAndZoom(page));
    if (given.adds) {
      seen.added = [];
      for (let i = 0; i < given.adds; i++) seen.added.push(await addOne(page));
    }
    if (given.soakS) {
      const session = await page.context().newCDPSession(page);
      seen.heap = [];
      const began = Date.now();
      while (Date.now() - began < 1000 * given.soakS) {
        seen.heap.push({ s: (Date.now() - began) / 1000, mb: await heap(session), seq: await page.evaluate(() => window.__hopwatch.stats().seq) });
        await page.waitForTimeout((1000 * given.soakS) / 12);
      }
    }
    return seen;
  });
} finally {
  hub?.kill();
}
