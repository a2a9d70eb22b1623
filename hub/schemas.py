"""Writes the JSON Schemas of every form into `docs/schemas/`; `python -m hub.schemas`.

Enters: the structs of `hub.forms`. Leaves: `forms.schema.json` with all of them under `$defs`, and
one small schema per endpoint that refers to it. `--check` writes nothing and exits 1 where a file
is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from hub import forms

ENDPOINTS: dict[str, tuple[str, Any]] = {
    "network_info": ("GET /network_info", dict[str, forms.NetworkInfo]),
    "access_logs": ("WS /access_logs", list[forms.AccessLog]),
    "topology": ("GET /api/v1/topology", forms.Topology),
    "requests": ("GET /api/v1/requests", forms.Requests),
    "call": ("GET /api/v1/requests/{id}", forms.CallInFull),
    "edges": ("GET /api/v1/edges", forms.Edges),
    "histogram": ("GET /api/v1/histogram", forms.Histogram),
    "servers": ("GET /api/v1/servers", forms.Servers),
    "ledger": ("GET /api/v1/ledger", forms.Ledger),
    "session": ("GET /api/v1/session", forms.Session),
    "health": ("GET /healthz, GET /readyz", forms.Health),
    "problem": ("any error", forms.Problem),
    "live_from_hub": (
        "WS /api/v1/live, hub to page",
        forms.Snapshot | forms.Frame | forms.BadQuery,
    ),
    "live_to_hub": ("WS /api/v1/live, page to hub", forms.FrameAck | forms.Query | forms.Play),
}
"""File name (without `.schema.json`): what it describes, and its type."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, dict[str, Any]]:
    """All schema files by name."""
    roots, components = msgspec.json.schema_components(
        [kind for _, kind in ENDPOINTS.values()], ref_template="#/$defs/{name}"
    )
    _require_every_key(components)
    files: dict[str, dict[str, Any]] = {
        "forms.schema.json": {"$schema": DIALECT, "title": "Hopwatch forms", "$defs": components}
    }
    for (name, (title, _)), root in zip(ENDPOINTS.items(), roots, strict=True):
        files[f"{name}.schema.json"] = {"$schema": DIALECT, "title": title, **_absolute(root)}
    return files


def _require_every_key(components: dict[str, Any]) -> None:
    """Nothing beyond the documented keys is sent, and each of them always is."""
    for component in components.values():
        component["required"] = list(component["properties"])
        component["additionalProperties"] = False


def _absolute(node: Any) -> Any:
    """References of an endpoint's schema lead into `forms.schema.json`."""
    if isinstance(node, dict):
        return {
            key: f"forms.schema.json{value}" if key == "$ref" else _absolute(value)
            for key, value in node.items()
            if key != "discriminator"
        }
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    return node


def main(arguments: list[str]) -> int:
    """Write or check the files; the exit code."""
    directory = Path(__file__).parent.parent / "docs" / "schemas"
    stale = []
    for name, document in documents().items():
        text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        path = directory / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text)
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)} in docs/schemas; run `make gen`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
