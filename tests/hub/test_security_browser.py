"""The login in a real browser: what it sends as Origin, and what the policy lets it show."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.e2e import browser

from .guarded import READER, READERS, guarded_hub, write_private

REASON = browser.why_not()


@pytest.mark.e2e
@pytest.mark.skipif(REASON is not None, reason=REASON or "")
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_a_person_logs_in_looks_and_logs_out(tmp_path: Path, theme: str) -> None:
    write_private(tmp_path / "readers.toml", READERS)
    pictures = os.environ.get("HOPWATCH_PICTURES")
    async with guarded_hub(tmp_path, 'auth = "token"\nreaders_file = "readers.toml"') as hub:
        arguments = {
            "url": f"{hub.url}/",
            "token": READER,
            "theme": theme,
            "path": f"{pictures}/login-{theme}.png" if pictures else None,
        }
        seen = await asyncio.to_thread(browser.run, "login.mjs", arguments)
    assert seen["first"] == "/login?next=/"
    assert seen["title"] == "Log in · Hopwatch"
    assert seen["focused"] == "token"
    assert seen["alert"] == "This is no reader's token."
    assert seen["kept"] == ""
    assert seen["after"] == "/"
    assert seen["frame"] == "snapshot"
    assert seen["cookies"] == ""
    assert seen["reader"] == "ann"
    assert seen["last"] == "/login?next=/"
    assert (seen["pageErrors"], seen["strangers"]) == ([], [])
    assert [failed.split()[0] for failed in seen["failed"]] == ["401"]
    assert all("401" in error for error in seen["consoleErrors"]), seen["consoleErrors"]
