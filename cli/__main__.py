"""`hopwatch`: the command line.

Exit codes: 0 done, 1 the hub is not there or refuses, 2 the command line or the configuration is
wrong, 130 ended by Ctrl-C. A closed pipe (`| head`) ends it with 0.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

import click
from hopwatch import __version__

from cli.edges import edges
from cli.export import export
from cli.import_command import import_
from cli.observe import observe
from cli.output import say
from cli.problems import INTERRUPTED, Problem
from cli.replay import replay
from cli.servers import status
from cli.topology import topology

EPILOG = """
Which hub: --hub, --token-file and --ca of each command; or HOPWATCH_ADDRESS, HOPWATCH_TOKEN,
HOPWATCH_TOKEN_FILE, HOPWATCH_CA …; or ~/.config/hopwatch/cli.toml. NO_COLOR turns colours off.
Completion: eval "$(_HOPWATCH_COMPLETE=bash_source hopwatch)" (zsh_source, fish_source).
"""


class Group(click.Group):
    """Ends with a sentence and a code, never with a traceback for what users can mend."""

    def invoke(self, context: click.Context) -> Any:
        try:
            result = super().invoke(context)
            sys.stdout.flush()
            return result
        except Problem as problem:
            say(str(problem))
            context.exit(problem.exit_code)
        except KeyboardInterrupt:
            # A channel of gRPC that is closed or let go of now was seen to wait for ever.
            with suppress(OSError):
                sys.stdout.flush()
            os._exit(INTERRUPTED)
        except BrokenPipeError:
            # What is still buffered has no reader, either: the interpreter must not try.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            context.exit(0)


@click.group(cls=Group, epilog=EPILOG)
@click.version_option(__version__, prog_name="hopwatch")
def main() -> None:
    """Read what a Hopwatch hub knows, or make a hub's data of recorded logs."""


for command in (observe, status, edges, topology, export, replay, import_):
    main.add_command(command)

if __name__ == "__main__":
    main()
