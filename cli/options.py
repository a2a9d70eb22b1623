"""The options that several commands share: which hub, which calls, how it is written."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from cli.problems import WrongUsage
from cli.settings import Settings, load
from hub.stamps import SECOND, parse_time

Command = TypeVar("Command", bound=Callable[..., Any])
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FILE = click.Path(path_type=Path, dir_okay=False)
CONNECTION = ("address", "token_file", "tls", "ca", "cert", "key")


def reads_hub(command: Command) -> Command:
    """Add the options of the connection; the command gets `settings`."""
    options = (
        click.option(
            "--hub",
            "address",
            metavar="ADDRESS",
            envvar="HOPWATCH_ADDRESS",
            help="host:port or unix:/path of the hub's gRPC.  [default: 127.0.0.1:7443]",
        ),
        click.option(
            "--token-file",
            type=_FILE,
            envvar="HOPWATCH_TOKEN_FILE",
            help="Holds a reader's token. $HOPWATCH_TOKEN may hold the token itself.",
        ),
        click.option(
            "--tls/--no-tls",
            default=None,
            envvar="HOPWATCH_TLS",
            help="Speak TLS; --ca and --cert do so, too.",
        ),
        click.option(
            "--ca", type=_FILE, envvar="HOPWATCH_CA", help="Who signed the hub's certificate."
        ),
        click.option(
            "--cert", type=_FILE, envvar="HOPWATCH_CERT", help="A client certificate, and"
        ),
        click.option("--key", type=_FILE, envvar="HOPWATCH_KEY", help="its private key."),
        click.option(
            "--config",
            type=_FILE,
            envvar="HOPWATCH_CLI_CONFIG",
            help="All of these as TOML.  [default: ~/.config/hopwatch/cli.toml]",
        ),
    )

    def settled(context: click.Context, /, **given: Any) -> Any:
        shown = {name: given.pop(name) for name in CONNECTION}
        if not shown["token_file"] and (token := os.environ.get("HOPWATCH_TOKEN")):
            shown["token"] = token
        settings = load(shown, given.pop("config"))
        return context.invoke(command, settings=settings, **given)

    return _with_options(command, click.pass_context(settled), options)


def filters(command: Command) -> Command:
    """Add the options that choose calls; the command gets `wanted`, a `Wanted`."""
    many: dict[str, Any] = {"multiple": True, "metavar": "NAME"}
    options = (
        click.option("--server", **many, help="A hop was seen there: a name or a word of it."),
        click.option("--service", **many, help="Either end has this name."),
        click.option("--from", **many, help="The caller: name, node, address or network."),
        click.option("--to", **many, help="The callee."),
        click.option(
            "--origin", **many, help="same_server, cross_server, public, outside, … or cross*."
        ),
        click.option("--status", multiple=True, metavar="CODE", help="404, 5xx, error, ok."),
        click.option("--method", multiple=True, metavar="METHOD", help="GET, POST, …"),
        click.option("--path", metavar="PATH", help="Of any hop; * stands for anything."),
        click.option("--join", multiple=True, metavar="KEY", help="hop_id, trace, address, …"),
        click.option("--trace-id", metavar="ID", help="32 hexadecimal digits."),
        click.option("-q", "--query", metavar="QUERY", help="The query language of the view."),
        click.option(
            "--since", metavar="TIME", help="Started then or later: 10m, 2h, or RFC 3339."
        ),
        click.option("--until", metavar="TIME", help="Started before then."),
    )

    def chosen(*args: Any, **given: Any) -> Any:
        wanted = {
            name: given.pop(name)
            for name in (*WORDS, "path", "trace_id", "query", "since", "until")
        }
        return command(*args, wanted=wanted, **given)

    return _with_options(command, chosen, options)


WORDS = ("server", "service", "from", "to", "origin", "status", "method", "join")
_PLAIN = re.compile(r'[^\s()",]+(,[^\s()",]+)*')


def request_fields(wanted: dict[str, Any], now_ns: int | None = None) -> dict[str, Any]:
    """Fields of a `GetCallsRequest` that choose what was wanted."""
    terms = [f"{name}:{','.join(map(_value, wanted[name]))}" for name in WORDS if wanted[name]]
    query = wanted["query"] or ""
    if terms:
        terms.append(f"({query})" if query.strip() else "")
        query = " ".join(terms).strip()
    fields: dict[str, Any] = {
        "q": query,
        "path": wanted["path"] or "",
        "trace_id": wanted["trace_id"] or "",
    }
    return fields | window_ns(wanted["since"], wanted["until"], now_ns)


def moment_ns(option: str, text: str, now_ns: int) -> int:
    """A time, or how long ago."""
    if ago := _AGO.fullmatch(text):
        return now_ns - round(float(ago[1]) * _SECONDS[ago[2]] * SECOND)
    try:
        return parse_time(text)
    except (ValueError, OverflowError):
        raise WrongUsage(
            f"--{option} {text}: must be RFC 3339, seconds since 1970, or how long ago: 10m, 2h, 1d"
        ) from None


def window_ns(since: str | None, until: str | None, now_ns: int | None = None) -> dict[str, int]:
    """The fields `since_ns` and `until_ns` of what is given."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    given = {"since": since, "until": until}
    return {f"{name}_ns": moment_ns(name, text, now_ns) for name, text in given.items() if text}


def seconds(context: click.Context, parameter: click.Parameter, text: str) -> int:
    """A duration of an option."""
    match = _AGO.fullmatch(text)
    length = round(float(match[1]) * _SECONDS[match[2]]) if match else 0
    if not 1 <= length <= 3600:
        raise click.BadParameter(f"{text}: must be 1s to 1h, such as 60s or 5m")
    return length


def _value(text: str) -> str:
    """As a value of the query language; what it would read otherwise is quoted."""
    if '"' in text:
        raise WrongUsage(f"{text}: no name holds a quote")
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _with_options(command: Command, replacement: Any, options: Any) -> Command:
    update_wrapper(replacement, command)
    for option in reversed(options):
        replacement = option(replacement)
    return cast(Command, replacement)


def output(
    choices: tuple[str, ...] = ("table", "json"),
    help: str = "A table (tab-separated where it is piped), or a JSON object a line.",
) -> Callable[[Command], Command]:
    """Add `-o`; the command gets `form`, of these the first one where none is given."""
    return click.option(
        *("-o", "--output", "form"),
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help=help,
    )


__all__ = [
    "Settings", "filters", "moment_ns", "output", "reads_hub", "request_fields", "seconds",
    "window_ns",
]  # fmt: skip
