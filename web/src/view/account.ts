/** Who is logged in, and the way out; nothing where there was no login. */
import type { App, View } from "./app";
import { h, setText } from "./dom";

export function account(app: App): View {
  const name = h("span", { class: "reader" });
  const element = h(
    "form",
    { class: "stack account", method: "post", hidden: true, "data-testid": "account" },
    name,
    h("button", { type: "submit", class: "quiet", title: "End this session, in every tab" }, "Log out"),
  );
  const update = () => {
    const { session } = app.state;
    element.hidden = !session?.logout;
    if (!session?.logout) return;
    element.setAttribute("action", session.logout);
    name.title = `Logged in as ${session.reader}`;
    setText(name, session.reader ?? "");
  };
  return { element, update };
}
