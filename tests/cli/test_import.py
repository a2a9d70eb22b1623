"""`hopwatch import`: recorded logs of several servers, and a real hub that reads what was made."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path

import httpx
import pytest

from ..hub.test_main import free_port, hub
from .world import run, run_on_terminal, start, without_colours

SAMPLES = Path("tests/data/samples/scenarios")
TOML = """
[server]
id = "{server}"
internal_addresses = ["{address}"]
[hub]
address = "127.0.0.1:1"
[[proxies]]
name = "private"
kind = "private"
access_log = "private.jsonl"
addresses = ["{address}:80", "172.20.0.2:80"]
networks = ["private-net"]
[[proxies]]
name = "public"
kind = "public"
access_log = "public.jsonl"
[[networks]]
name = "private-net"
subnet = "172.20.0.0/16"
gateway = "172.20.0.1"
[[services]]
name = "communicating"
network = "private-net"
addresses = ["172.20.0.4"]
"""


def record(directory: Path, *patterns: str) -> dict[str, int]:
    """Real lines as each server's proxies wrote them; how many of each log."""
    found: dict[str, list[str]] = {}
    for pattern in patterns:
        for file in sorted(SAMPLES.glob(pattern)):
            for line in file.read_text().splitlines():
                entry = json.loads(line)
                found.setdefault(entry.pop("_file"), []).append(json.dumps(entry, sort_keys=True))
    for name, lines in found.items():
        path = directory / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
    for server, address in (("server-a", "10.10.0.11"), ("server-b", "10.10.0.12")):
        (directory / server).mkdir(exist_ok=True)
        for kind in ("private", "public"):
            (directory / server / f"{kind}.jsonl").touch()
        (directory / server / "agent.toml").write_text(TOML.format(server=server, address=address))
    return {name: len(lines) for name, lines in found.items()}


async def test_agents_files_make_the_calls_that_agents_would_have_made(tmp_path: Path) -> None:
    counts = record(tmp_path, "0[123]_*.jsonl")
    tomls = [str(tmp_path / server / "agent.toml") for server in ("server-a", "server-b")]
    done = await run(tmp_path, "import", "-d", str(tmp_path / "data"), *tomls)
    assert (done.code, f"{sum(counts.values())} lines in " in done.out) == (0, True), done.err
    assert not (tmp_path / "data.partial").exists()
    port = free_port()
    async with hub(tmp_path, port), httpx.AsyncClient() as client:
        ledger = (await client.get(f"http://127.0.0.1:{port}/api/v1/ledger")).json()
        assert ledger["totals"]["journalled"] == sum(counts.values())
        assert ledger["totals"]["missing"] == 0
        follower = await start(
            tmp_path, "observe", "-f", "-o", "json", "--origin", "cross_server",
            "--hub", f"unix:{tmp_path}/hub.sock",
        )  # fmt: skip
        assert follower.stdout is not None
        async with asyncio.timeout(30):  # halves settle within 5 s of the hub's start
            calls = [json.loads(await follower.stdout.readline()) for _ in range(2)]
        follower.kill()
        await follower.wait()
    for call in calls:
        assert [hop["server"] for hop in call["hops"]] == ["server-a", "server-b"]
        assert call["from"]["name"] == "communicating"


async def test_an_agents_privacy_holds_for_what_is_imported(tmp_path: Path) -> None:
    record(tmp_path, "03_*.jsonl")
    log = tmp_path / "server-b" / "private.jsonl"
    stranger = json.loads(log.read_text().splitlines()[0])
    address = {"ClientAddr": "203.0.113.77:1", "ClientHost": "203.0.113.77"}
    with log.open("a") as out:
        out.write(json.dumps(stranger | address | {"RequestPath": "/reset/r77"}) + "\n")
    tomls = [tmp_path / server / "agent.toml" for server in ("server-a", "server-b")]
    for toml, other in zip(tomls, ("198.18.0.11", "198.18.0.12"), strict=True):
        text = toml.read_text()
        text = re.sub(r"(internal_addresses = )\S+", rf'\1["{other}"]', text)
        privacy = 'redact_query = "all"\nredact_paths = ["/reset/*"]\ntruncate_clients = true\n'
        toml.write_text(f"{text}[privacy]\n{privacy}")
    log.write_text(log.read_text().replace("10.10.0.11", "198.18.0.11"))
    done = await run(tmp_path, "import", "-d", str(tmp_path / "data"), *map(str, tomls))
    assert done.code == 0, done.err
    port = free_port()
    async with hub(tmp_path, port), httpx.AsyncClient() as client:
        async with asyncio.timeout(30):
            while True:
                answer = await client.get(f"http://127.0.0.1:{port}/api/v1/requests?limit=1000")
                hops = [hop for call in answer.json()["requests"] for hop in call["hops"]]
                if len(hops) == int(done.out.split()[0]):
                    break
                await asyncio.sleep(0.05)
    clients = {(hop["client"] or "").partition(":")[0] for hop in hops}
    assert "203.0.113.0" in clients and "203.0.113.77" not in answer.text
    assert "r77" not in answer.text and "/reset/REDACTED" in answer.text
    assert "198.18.0.11" in clients, "a server of the same import is no client"


async def test_logs_alone_name_server_and_proxy_and_may_be_gzipped(tmp_path: Path) -> None:
    counts = record(tmp_path, "03_*.jsonl")
    a, b = tmp_path / "server-a" / "private.jsonl", tmp_path / "b.jsonl.gz"
    b.write_bytes(gzip.compress((tmp_path / "server-b" / "private.jsonl").read_bytes()))
    with a.open("a") as log:
        log.write("rubbish\n{")
    done = await run(
        tmp_path, "import", "-d", str(tmp_path / "data"),
        f"server-a/private={a}", f"server-b/inner:private={b}", f"server-a/private={a}",
        "--internal-address", "server-b=10.10.0.12",
    )  # fmt: skip
    lines = counts["server-a/private"] + counts["server-b/private"] + 1
    assert (done.code, f"{lines} lines, 1 of them unreadable" in done.out) == (0, True), done.err
    assert f"{a}: begins like another log of its proxy" in done.err
    assert f"{a}: its last line has no end" in done.err
    async with hub(tmp_path, free_port()):
        at = ("--hub", f"unix:{tmp_path}/hub.sock")
        status = await run(tmp_path, "status", *at)
        read = {row["server"]: (row["state"], row["malformed"]) for row in status.rows}
        assert read == {"server-a": ("gone", "1"), "server-b": ("gone", "0")}


async def test_a_progress_bar_is_shown_on_a_terminal(tmp_path: Path) -> None:
    record(tmp_path, "03_*.jsonl")
    log = tmp_path / "server-a" / "private.jsonl"
    seen = await run_on_terminal(
        tmp_path, "import", "-d", str(tmp_path / "data"), f"server-a/private={log}"
    )
    assert "━" in without_colours(seen)
    assert "look at it: hopwatch-hub --data-directory" in seen


def names(directory: Path) -> list[str]:
    """What lies there."""
    return [path.name for path in directory.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["x.jsonl"], 2, "x.jsonl: must be SERVER/PROXY=PATH, or an agent.toml"),
        (["server-a/edge=x.jsonl"], 2, "Write edge:public or :private"),
        (["Server A/private=x.jsonl"], 2, "a server is 1 to 64 of a-z"),
        (["nowhere.toml"], 2, "nowhere.toml: there is no such file"),
        (["server-a/private=/nowhere.jsonl"], 1, "/nowhere.jsonl: there is no such file"),
    ],
)
async def test_what_is_wrong_with_an_import_is_said_and_nothing_is_left(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = await run(tmp_path, "import", "-d", str(tmp_path / "data"), *arguments)
    assert (done.code, said in done.err) == (code, True), done.err
    assert not names(tmp_path)


async def test_a_directory_with_data_is_left_alone(tmp_path: Path) -> None:
    record(tmp_path, "03_*.jsonl")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.db").write_text("mine")
    log = tmp_path / "server-a" / "private.jsonl"
    done = await run(tmp_path, "import", "-d", str(tmp_path / "data"), f"server-a/private={log}")
    assert (done.code, "is not empty" in done.err) == (1, True)
    assert names(tmp_path / "data") == ["journal.db"]
