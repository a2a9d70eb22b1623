"""`hopwatch topology`: servers, nodes and edges, as they are shown now."""

from __future__ import annotations

from typing import Any

import click

from cli.options import output, reads_hub
from cli.output import Cell, Column, Row, json_line, on_terminal, table
from cli.settings import Settings

NODES = (
    Column("server", style="bold"),
    Column("kind"),
    Column("name"),
    Column("addresses"),
    Column("containers", style="dim"),
    Column("calls_to", right=True),
    Column("called_by", right=True),
    Column("id", style="dim"),
)
KIND_STYLES = {"proxy": "magenta", "service": "green", "outside": "yellow", "external": "cyan"}


@click.command()
@output()
@reads_hub
def topology(settings: Settings, form: str) -> None:
    """Show servers and nodes, and how many edges each has.

    With -o json it is one object: servers, nodes, edges.
    """
    from cli.connection import connect

    with connect(settings) as hub:
        answer = hub.topology()
    if form == "json":
        json_line(_object(answer))
        return
    order = sorted(
        answer.nodes, key=lambda node: (not node.server, node.server, node.kind, node.id)
    )
    table(NODES, [_row(node, answer) for node in order])
    if on_terminal():
        connected = sum(server.connected for server in answer.servers)
        click.echo(
            f"{len(answer.servers)} servers ({connected} connected), "
            f"{len(answer.nodes)} nodes, {len(answer.edges)} edges"
        )


def _row(node: Any, answer: Any) -> Row:
    callees = sum(getattr(edge, "from") == node.id for edge in answer.edges)
    callers = sum(edge.to == node.id for edge in answer.edges)
    return (
        Cell(node.server),
        Cell(node.kind, style=KIND_STYLES.get(node.kind, "")),
        Cell(node.name),
        Cell(", ".join(node.addresses)),
        Cell(", ".join(node.containers)),
        Cell(callees),
        Cell(callers),
        Cell(node.id),
    )


def _object(answer: Any) -> dict[str, Any]:
    """By the names of `/api/v1/topology`."""
    return {
        "version": answer.version,
        "servers": [
            {
                "id": server.id,
                "connected": server.connected,
                "internal_addresses": list(server.internal_addresses),
                "public_addresses": list(server.public_addresses),
                "networks": list(server.networks),
            }
            for server in answer.servers
        ],
        "nodes": [
            {
                "id": node.id,
                "kind": node.kind,
                "server": node.server or None,
                "name": node.name,
                "addresses": list(node.addresses),
                "containers": list(node.containers),
            }
            for node in answer.nodes
        ],
        "edges": [
            {
                "id": edge.id,
                "from": getattr(edge, "from"),
                "to": edge.to,
                "origin": edge.origin,
                "via": list(edge.via),
            }
            for edge in answer.edges
        ],
    }
