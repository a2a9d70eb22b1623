/** Words over the picture: no hub, no server yet, paused. */
import type { App, View } from "./app";
import { h, setText } from "./dom";

export function overlay(app: App): View {
  const title = h("h2");
  const text = h("p");
  const code = h("code");
  const card = h(
    "div",
    { class: "empty", role: "status", hidden: true },
    h("i", { class: "radar" }),
    title,
    text,
    code,
  );
  const paused = h("div", { class: "paused-note", hidden: true });
  const element = h("div", { class: "overlay" }, card, paused);
  const update = () => {
    const words = emptyWords(app);
    card.hidden = words === null;
    if (words) {
      setText(title, words.title);
      setText(text, words.text);
      setText(code, words.code);
      code.hidden = words.code === "";
    }
    paused.hidden = !app.state.paused;
    if (app.state.paused) setText(paused, "Picture paused. Counting goes on. Space to go on");
  };
  return { element, update };
}

function emptyWords(app: App): { title: string; text: string; code: string } | null {
  const { graph, heardMs, link, linkReason } = app.state;
  if (heardMs === null && link === "lost") {
    const text = linkReason || "The hub does not answer. This page tries again by itself.";
    return { title: "No hub", text, code: "hopwatch-hub --config hub.toml" };
  }
  if (heardMs === null) return { title: "Connecting to the hub…", text: "", code: "" };
  if (app.state.course || graph.servers.size > 0 || graph.nodes.size > 0) return null;
  return {
    title: "Waiting for the first agent…",
    text: "The hub is up. Start a node agent beside a server's proxies:",
    code: "hopwatch-agent --config agent.toml",
  };
}
