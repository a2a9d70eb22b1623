"""`hopwatch-hub init`: a hub's first configuration, with its certificate, ready for servers.

Enters: where servers reach the hub. Leaves: `hub.toml`, and for an address that others reach a
certificate by a CA of the hub's own. Never overwrites a file unless told so; certificates that are
there stay. Exit codes: 0 written, 1 not.
"""

from __future__ import annotations

import json
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import click

PORT = 7443
VIEW = "127.0.0.1:8082"


@click.command()
@click.argument("address", metavar="HOST[:PORT]")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where hub.toml is written. Default: here.",
)
@click.option("--data", default="data", show_default=True, help="[data] directory, from there.")
@click.option("--force", is_flag=True, help="Replace a hub.toml that is there.")
def init(address: str, output: Path, data: str, force: bool) -> None:
    """Write hub.toml for a hub that servers reach at HOST (port 7443): with tokens and TLS, unless
    HOST is this machine's loopback."""
    from hub.config import ConfigError, is_local, load, split_address
    from hub.guard.enroll import EnrollError, certify_hub

    file = output / "hub.toml"
    try:
        whole = address if address.startswith("unix:/") else _with_port(address)
    except ValueError:
        _give_up(f'{address}: must be a host, "host:port", "[v6 address]:port" or "unix:/path"')
    if file.exists() and not force:
        _give_up(f"{file} is there already; --force replaces it")
    try:
        output.mkdir(parents=True, exist_ok=True)
        file.write_text(_hub_toml(whole, data, alone=is_local(whole)))
        click.echo(f"wrote {file}")
        if not is_local(whole):
            config = load(file, to_serve=False)
            certify_hub(config, whole)
            click.echo(f"the hub's certificate for {split_address(whole)[0]}: {data}/hub.pem")
            load(file)
    except (EnrollError, ConfigError) as error:
        _give_up(str(error))
    except OSError as error:
        _give_up(f"{error.filename or error}: {error.strerror}")
    there = "" if file == Path("hub.toml") else f" --config {file}"
    if not is_local(whole):
        click.echo(f"for each server: hopwatch-hub{there} enroll SERVER --code")
    click.echo(f"then:            hopwatch-hub{there}")
    click.echo(f"the view:        http://{VIEW}/")


def _with_port(address: str) -> str:
    """`host:port` of it. Raises `ValueError`."""
    from hub.config_form import HOST, split_address

    try:
        bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        host, port = str(ip_address(bare)), PORT
    except ValueError:
        host, port = split_address(address if ":" in address else f"{address}:{PORT}")
    host = f"[{ip_address(host)}]" if ":" in host else host
    if not HOST.fullmatch(host) or not port:
        raise ValueError(address)
    return f"{host}:{port}"


def _hub_toml(address: str, data: str, *, alone: bool) -> str:
    everywhere = "[::]" if address.startswith("[") else "0.0.0.0"
    listen = address if alone else f"{everywhere}:{address.rpartition(':')[2]}"
    lines = ["[grpc]", f"listen = [{_text(listen)}]   # where agents come in"]
    if not alone:
        lines += [
            'tokens_file = "tokens.toml"   # `hopwatch-hub enroll` writes it',
            "[grpc.tls]",
            f"cert = {_text(data + '/hub.pem')}",
            f"key = {_text(data + '/hub.key')}",
        ]
    lines += [
        "[http]",
        f"listen = {_text(VIEW)}   # the view and the API; docs/security.md opens them to others",
        "[data]",
        f"directory = {_text(data)}",
    ]
    return "\n".join(lines) + "\n"


def _give_up(reason: str) -> NoReturn:
    click.echo(reason, err=True)
    sys.exit(1)


def _text(value: str) -> str:
    """TOML's basic strings are written as in JSON."""
    return json.dumps(value, ensure_ascii=False)
