"""`hopwatch-hub enroll`: the command line of `enroll`.

Standard output holds what goes to the server (or the reader's token), standard error what a person
should know. Exit codes: 0 done, 1 not done, 2 the configuration is wrong.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from hub.defaults import CODE_MINUTES

RELOAD = "the hub takes it on SIGHUP: `systemctl reload hopwatch-hub`, or `kill -HUP PID`"


@click.command()
@click.argument("server", required=False)
@click.option("--reader", metavar="NAME", help="A token for somebody who reads, not for a server.")
@click.option("--config", "path", type=click.Path(path_type=Path), help="The hub's configuration.")
@click.option(
    "--certificates",
    is_flag=True,
    help="A client certificate, too, from the hub's own CA (made if it is missing).",
)
@click.option("--hub-address", help="host:port under which the server reaches this hub.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the server's files are put. Default: enrolled/SERVER in the data directory.",
)
@click.option(
    "--code",
    is_flag=True,
    help="A code in place of files: `hopwatch-agent init --code` gets them with it, once.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, 24 * 60, min_open=True),
    default=CODE_MINUTES,
    show_default=True,
    help="How long the code is good for.",
)
@click.option("--force", is_flag=True, help="A new token for one that is enrolled already.")
@click.pass_context
def enroll(
    context: click.Context,
    server: str | None,
    reader: str | None,
    path: Path | None,
    certificates: bool,
    hub_address: str | None,
    output: Path | None,
    code: bool,
    minutes: float,
    force: bool,
) -> None:
    """Let SERVER report to this hub: make its token and print its agent's configuration."""
    from hub.config import ConfigError
    from hub.guard.codes import new_code
    from hub.guard.enroll import EnrollError, enroll_reader, enroll_server, own_address

    if (server is None) == (reader is None):
        raise click.UsageError("give a SERVER, or --reader NAME")
    if code and (reader or certificates or output):
        raise click.UsageError("--code goes with SERVER alone: there are no files")
    config = context.obj(path)
    try:
        if hub_address is not None:
            _check_address(hub_address)
        if reader is not None:
            click.echo(enroll_reader(config, reader, force=force))
            _hint(f"this token is shown once; give it to {reader}. {RELOAD}")
            return
        assert server is not None
        if code:
            hub = hub_address or own_address(config)
            made = new_code(config, server, hub, time.time(), minutes, force=force)
            click.echo(f"hopwatch-agent init --hub {hub} --code {made}")
            _hint(f"for {server}; good for {minutes:g} minutes, and once")
            return
        done = enroll_server(
            config, server, hub_address, output, certificates=certificates, force=force
        )
    except EnrollError as error:
        _hint(str(error))
        sys.exit(1)
    except ConfigError as error:
        for problem in error.problems:
            _hint(problem)
        sys.exit(2)
    except OSError as error:
        _hint(f"{error.filename or error}: {error.strerror}")
        sys.exit(1)
    files = " ".join(str(done.directory / name) for name in done.files)
    click.echo(f"# agent.toml of {server}. Beside it on that server, 0600, belong the files:")
    click.echo(f"#   scp -p {files} {server}:/etc/hopwatch/")
    click.echo(done.agent_toml, nl=False)
    click.echo("# Add its [[proxies]]: see docs/configuration.md.")
    for hint in done.hints:
        _hint(hint)
    _hint(f"copied? then delete {done.directory}: the token is kept nowhere else")
    _hint(RELOAD)


def _check_address(address: str) -> None:
    from hub.config import split_address
    from hub.guard.enroll import EnrollError

    if address.startswith("unix:"):
        return
    try:
        split_address(address)
    except ValueError:
        raise EnrollError(f'--hub-address {address}: must be "host:port" or "unix:/path"') from None


def _hint(text: str) -> None:
    click.echo(text, err=True)
