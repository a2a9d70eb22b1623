"""How large the images of agent and hub are: built by the shipped Dockerfiles, compressed.

    .venv/bin/python -m bench.image_sizes

An engine of its own; the base is the tests' Debian (see `tests/docker/images.py`), for there may be
no registry: with an official base the figures differ by the difference of the bases, printed too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from servers.runner.deploy import Deployment
from tests.docker import images
from tests.docker.engine import Engine, why_no_engine

LIMIT_S = 600
TARGETS_MB = {"hopwatch-agent": 90, "hopwatch-hub": 200}


@click.command()
def main() -> None:
    """Build, save, compress, print."""
    if reason := why_no_engine() or images.why_no_base():
        raise click.ClickException(reason)
    directory = Path(tempfile.mkdtemp(prefix="hopwatch-images-"))
    engine = Engine(directory, link=8)
    try:
        images.wheels()
        images.python(engine.api)
        environment = {**os.environ, "DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "0"}
        for name, dockerfile in (("agent", "node_agent"), ("hub", "hub")):
            words = ("docker", "build", "-q", "-t", f"hopwatch-{name}", "-f")
            Deployment([], environment).run(*words, f"{dockerfile}/Dockerfile", *images.BUILD, ".")
        table = Table(title="Images, compressed (gzip -6)", title_justify="left")
        for title in ("image", "MB", "target"):
            table.add_column(title, justify="left" if title == "image" else "right")
        for image in (images.PYTHON, *TARGETS_MB):
            target = f"≤ {TARGETS_MB[image]}" if image in TARGETS_MB else ""
            size = images.compressed_bytes(engine.api, image) / 1e6
            table.add_row(image, f"{size:.1f}", target)
        Console().print(table)
    finally:
        engine.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
