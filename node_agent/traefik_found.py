"""A running Traefik as the engine shows it, and what its static configuration says.

In: the engine's inspection of a container, and a way to read its mounted files. Out: where its
access log is on this machine, in which format, on which networks and ports. Pure but for that
reading. Traefik takes its configuration from flags, from the environment, or from one file; what
matters here is looked for in all three.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from node_agent.docker_model import SERVICE_LABELS

Json = Mapping[str, Any]
Reader = Callable[[str], str | None]
"""Gives a file of this machine, None where it cannot be read."""

CONFIG_FILES = (
    "/etc/traefik/traefik.yml",
    "/etc/traefik/traefik.yaml",
    "/etc/traefik/traefik.toml",
)
ANYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class FoundTraefik:
    """One of this server's Traefiks."""

    name: str
    """Its Compose service, else its container."""
    image: str
    public: bool
    """It publishes a port to other machines."""
    networks: tuple[tuple[str, str], ...]
    """(name, its address there)."""
    logs: bool
    """The access log is on."""
    log_inside: str | None
    """Where it writes the access log, in the container; None: to standard output."""
    log_here: str | None
    """The same file on this machine; None: it is in no mounted directory."""
    json: bool
    ids: bool
    """Tracing or the hop plugin gives its lines ids."""


def is_traefik(inspected: Json) -> bool:
    """By its image, or by the program that it runs."""
    config = inspected.get("Config") or {}
    image = config.get("Image", "").rpartition("/")[2]
    program = PurePosixPath(inspected.get("Path", "")).name
    return image.partition(":")[0].startswith("traefik") or program == "traefik"


def found(inspected: Json, read: Reader) -> FoundTraefik:
    """What the engine and its configuration tell of one."""
    config, host = inspected.get("Config") or {}, inspected.get("NetworkSettings") or {}
    mounts = [(one["Destination"], one["Source"]) for one in inspected.get("Mounts") or ()]
    said = settings(inspected, mounts, read)
    path = said.get("accesslog.filepath") or None
    labels = config.get("Labels") or {}
    name = next((labels[label] for label in SERVICE_LABELS if labels.get(label)), "")
    return FoundTraefik(
        name or inspected.get("Name", "").lstrip("/"),
        config.get("Image", ""),
        _public(host.get("Ports") or {}),
        tuple(
            (network, one.get("IPAddress", ""))
            for network, one in (host.get("Networks") or {}).items()
        ),
        any(key.startswith("accesslog") and value != "false" for key, value in said.items()),
        path,
        on_host(path, mounts) if path else None,
        said.get("accesslog.format") == "json",
        any(key.startswith(("tracing", "experimental.localplugins.hopid")) for key in said),
    )


def settings(inspected: Json, mounts: Iterable[tuple[str, str]], read: Reader) -> dict[str, str]:
    """The static configuration, flat and in lower case, as flags name it."""
    told: dict[str, str] = {}
    words = [*(inspected.get("Args") or ())]
    for word in words:
        if word.startswith("--"):
            key, equals, value = word[2:].partition("=")
            told[key.lower()] = value if equals else "true"
    for word in (inspected.get("Config") or {}).get("Env") or ():
        key, _, value = word.partition("=")
        if key.startswith("TRAEFIK_"):
            told[key.removeprefix("TRAEFIK_").lower().replace("_", ".")] = value
    named = told.get("configfile")
    for file in (named,) if named else CONFIG_FILES:
        here = on_host(file, mounts)
        text = read(here) if here else None
        if text is not None:
            from_file = _toml(text) if file.endswith(".toml") else _yaml(text)
            return from_file | told
    return told


def on_host(path: str, mounts: Iterable[tuple[str, str]]) -> str | None:
    """Where a container's file is on this machine; None where no mount holds it."""
    best: tuple[int, str] | None = None
    for inside, here in mounts:
        if path == inside or path.startswith(inside.rstrip("/") + "/"):
            candidate = (len(inside), here + path[len(inside.rstrip("/")) :])
            best = max(best, candidate) if best else candidate
    return best[1] if best else None


def _public(ports: Mapping[str, Any]) -> bool:
    return any(
        one.get("HostIp", "") in ANYWHERE for published in ports.values() for one in published or ()
    )


def _toml(text: str) -> dict[str, str]:
    try:
        return dict(_flat("", tomllib.loads(text)))
    except tomllib.TOMLDecodeError:
        return {}


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        name = f"{prefix}{key}".lower()
        if isinstance(value, Mapping):
            yield name, ""
            yield from _flat(f"{name}.", value)
        else:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)


_LINE = re.compile(r"^( *)([A-Za-z0-9_-]+):[ \t]*(.*?)[ \t]*(?:#.*)?$")


def _yaml(text: str) -> dict[str, str]:
    """Keys by their indentation, which is all that is asked for: the agent has no YAML library."""
    told: dict[str, str] = {}
    open_keys: list[tuple[int, str]] = []
    for line in text.splitlines():
        if (fits := _LINE.match(line)) is None:
            continue
        indent = len(fits[1])
        while open_keys and open_keys[-1][0] >= indent:
            open_keys.pop()
        path = ".".join([*(key for _, key in open_keys), fits[2].lower()])
        value = fits[3].strip("'\"")
        open_keys.append((indent, fits[2].lower()))
        told[path] = value
        for key, inner in re.findall(r"([A-Za-z]+):\s*([^,{}\s]+)", value):
            told[f"{path}.{key.lower()}"] = inner.strip("'\"")
    return told
