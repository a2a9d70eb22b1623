import { describe, expect, test } from "vitest";
import type { Session } from "#forms";
import { account } from "../src/view/account";
import type { App } from "../src/view/app";

function shown(session: Session | null): HTMLElement {
  const view = account({ state: { session } } as App);
  view.update();
  return view.element;
}

describe("account", () => {
  test("nothing is there before the hub has said, where nobody is asked, and without a login", () => {
    for (const session of [null, { reader: null, logout: null }, { reader: "ann", logout: null }]) {
      expect(shown(session).hidden).toBe(true);
    }
  });

  test("who is logged in is named, and can post the way out", () => {
    const element = shown({ reader: "<b>ann", logout: "/logout" });
    expect(element.hidden).toBe(false);
    expect(element.querySelector(".reader")?.textContent).toBe("<b>ann");
    expect([element.getAttribute("method"), element.getAttribute("action")]).toEqual(["post", "/logout"]);
    expect(element.querySelector("button")?.getAttribute("type")).toBe("submit");
  });
});
