"""`hopwatch-agent`: the command line.

Exit codes: 0 done, 1 the hub refuses (only with --once), the state directory cannot be used, or the
doctor found something, 2 the configuration is wrong.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from hopwatch import __version__

from node_agent.credentials import UnusableCredentials, read
from node_agent.defaults import GC_ALLOCATIONS
from node_agent.init_command import init
from node_agent.settings import ConfigError, find, load

if TYPE_CHECKING:
    from node_agent.config import AgentConfig

EPILOG = """
Every key of the file can be given as an environment variable, which overrides it:
HOPWATCH_HUB__ADDRESS is [hub] address, HOPWATCH_SERVER__ID is [server] id. Flags override both.
"""


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.version_option(__version__, prog_name="hopwatch-agent")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="HOPWATCH_CONFIG",
    help="The configuration. Default: $HOPWATCH_CONFIG, else ./agent.toml, "
    "else /etc/hopwatch/agent.toml.",
)
@click.option("--check-config", is_flag=True, help="Check the configuration and exit (0 or 2).")
@click.option("--once", is_flag=True, help="Ship what the logs hold now, then exit: a backfill.")
@click.option("--server-id", help="[server] id")
@click.option("--hub-address", help="[hub] address: host:port or unix:/path")
@click.option("--token-file", help="[hub] token_file")
@click.option("--state-directory", help="[state] directory")
@click.option("--log-level", help="[log] level: debug, info, warning, error")
@click.pass_context
def main(
    context: click.Context,
    path: Path | None,
    check_config: bool,
    once: bool,
    server_id: str | None,
    hub_address: str | None,
    token_file: str | None,
    state_directory: str | None,
    log_level: str | None,
) -> None:
    """Report this server's Traefik access logs to a Hopwatch hub, live."""
    flags = {
        "server": _given(id=server_id),
        "hub": _given(address=hub_address, token_file=_absolute(token_file)),
        "state": _given(directory=_absolute(state_directory)),
        "log": _given(level=log_level),
    }
    if context.invoked_subcommand == "init":
        return  # It makes the configuration.
    found = find(path)
    try:
        config = load(found, flags)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(2)
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    if check_config:
        try:
            read(config.hub)
        except UnusableCredentials as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        click.echo(f"{found}: good")
        return

    # Until the agent takes signals over, there is nothing to drain.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # gRPC's own lines say for every attempt what our log says once, with the reason.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    _import_structlog_alone()
    from node_agent.agent import Agent, Refused
    from node_agent.checkpoint import InUse
    from node_agent.logs import configure

    configure(config.log)
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 100)

    async def run() -> None:
        await Agent(config, once=once).run()

    try:
        asyncio.run(run())
    except Refused as error:
        click.echo(f"the hub refuses: {error}", err=True)
        sys.exit(1)
    except InUse as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"{error.filename}: {error.strerror}", err=True)
        sys.exit(1)


main.add_command(init)


@main.command()
@click.pass_obj
def doctor(config: AgentConfig) -> None:
    """Look at logs, hub, clock, certificates and Docker, and say what to do (exit 0, or 1)."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from node_agent.doctor import examine
    from node_agent.finding import Verdict

    async def run() -> bool:
        well = True
        async for finding in examine(config):
            well &= finding.verdict is not Verdict.BAD
            click.echo(f"{finding.verdict.value:<7} {finding.subject}: {finding.text}")
        return well

    sys.exit(0 if asyncio.run(run()) else 1)


def _import_structlog_alone() -> None:
    """It takes Rich where it finds it, to colour tracebacks: a third of our start, and 5 MB."""
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


def _given(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


def _absolute(path: str | None) -> str | None:
    """A flag's path is relative to where the command is run, not to the configuration."""
    return None if path is None else str(Path(path).absolute())


if __name__ == "__main__":
    main()
