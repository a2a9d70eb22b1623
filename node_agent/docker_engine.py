"""The engine, asked through the docker SDK: what it answers as values, its failures as sentences.

Only reads: `/version`, `/networks`, `/containers`, `/events`, so a read-only proxy of the socket is
enough. Calls block, up to `DOCKER_TIMEOUT_S`; `events` for ever, until `close`. Each engine has two
connections, since the stream of events holds one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from node_agent import docker_model as model
from node_agent.defaults import DOCKER_TIMEOUT_S

T = TypeVar("T")

SOCKET_PROXY_NAMES = {
    "containers": "CONTAINERS=1",
    "networks": "NETWORKS=1",
    "events": "EVENTS=1",
    "version": "VERSION=1",
}


class EngineTrouble(Exception):
    """The engine cannot be asked: what is wrong, and what to do about it."""


class EngineSlow(EngineTrouble):
    """It has not answered in time; what it does with one container may be why."""


class Engine:
    """One engine, as long as it answers. Raises EngineTrouble where it does not."""

    def __init__(self, address: str) -> None:
        import docker

        self._address = address
        self._api = self._ask("/version", lambda: _client(docker, address))
        self._watcher = self._ask("/version", lambda: _client(docker, address))
        self.version = str(self._ask("/version", self._api.version).get("Version", "?"))
        self._stream: Any = None

    def networks(self) -> list[model.Network]:
        """All of them."""
        return [model.network(told) for told in self._ask("/networks", self._api.networks)]

    def addresses(self, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """By container's id, its name and its addresses on this network; {} where it is gone."""
        told: model.Json = self._ask(
            "/networks", lambda: self._api.inspect_network(network), absent={}
        )
        return model.addresses(told)

    def containers(self) -> list[model.Container]:
        """All of them, stopped ones too; without what only an inspection tells."""
        ask = lambda: self._api.containers(all=True)  # noqa: E731
        return [model.listed(told) for told in self._ask("/containers", ask)]

    def inspected(self) -> list[model.Json]:
        """Every running container, as the engine shows it."""
        ids = [told["Id"] for told in self._ask("/containers", self._api.containers)]
        none: model.Json = {}
        found = (
            self._ask("/containers", partial(self._api.inspect_container, id), none) for id in ids
        )
        return [told for told in found if told]

    def container(self, id: str) -> model.Container | None:
        """One, inspected; None where it is gone. Blocks while the engine starts it."""
        told: model.Json = self._ask(
            "/containers", lambda: self._api.inspect_container(id), absent={}
        )
        return model.container(told) if told else None

    def events(self, since_ns: int, until_ns: int | None = None) -> Iterator[model.EngineEvent]:
        """What happened and happens, from then on; to `until_ns`, or for ever."""
        filters = {"type": ["container", "network"]}
        until = _stamp(until_ns) if until_ns else None

        def ask() -> Any:
            return self._watcher.events(
                since=_stamp(since_ns), until=until, filters=filters, decode=True
            )

        self._stream = self._ask("/events", ask)
        # The SDK takes a refusal of this one call for the stream's end.
        answer = getattr(self._stream, "_response", None)
        if answer is not None and answer.status_code >= 400:
            raise EngineTrouble(_refusal("/events", self._address, answer))
        told = iter(self._stream)
        while (one := self._ask("/events", lambda: next(told, None))) is not None:
            if (event := model.event(one)) is not None:
                yield event

    def close(self) -> None:
        """End the stream of events and the connections; from any thread."""
        import requests

        with contextlib.suppress(Exception):  # The SDK closes sockets below the library's hands.
            if self._stream is not None:
                self._stream.close()
        with contextlib.suppress(requests.RequestException, OSError):
            self._api.close()
            self._watcher.close()

    def _ask(self, what: str, step: Callable[[], T], absent: T | None = None) -> T:
        import docker.errors
        import requests
        import urllib3.exceptions

        try:
            return step()
        except docker.errors.NotFound:
            if absent is not None:
                return absent
            raise EngineTrouble(
                f"{self._address} knows no {what}: is it a Docker engine?"
            ) from None
        except requests.Timeout:
            seconds = f"{DOCKER_TIMEOUT_S:.0f} s"
            raise EngineSlow(f"{self._address} answers nothing for {what} in {seconds}") from None
        except docker.errors.APIError as error:
            raise EngineTrouble(_refusal(what, self._address, error)) from None
        except (
            docker.errors.DockerException,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
            AttributeError,  # The SDK, reading from a stream that `close` has just ended.
        ) as error:
            raise EngineTrouble(_failure(self._address, error)) from None


def _client(docker: Any, address: str) -> Any:
    return docker.APIClient(base_url=address, version="auto", timeout=DOCKER_TIMEOUT_S)


def _stamp(at_ns: int) -> str:
    """As the engine takes a time with nanoseconds."""
    return f"{at_ns // 1_000_000_000}.{at_ns % 1_000_000_000:09d}"


def _refusal(what: str, address: str, error: Any) -> str:
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        flag = SOCKET_PROXY_NAMES[what.strip("/")]
        return (
            f"{address} refuses GET {what} ({status}). Discovery reads /version, /networks, "
            f"/containers and /events: allow them (docker-socket-proxy: {flag})"
        )
    return f"{address} answers GET {what} with {status}: {error.reason}"


def _failure(address: str, error: BaseException) -> str:
    """The system's own word for it lies at the bottom of several wrappings."""
    import docker.errors

    causes = [*_causes(error)]
    for cause in causes:
        if isinstance(cause, docker.errors.APIError):
            return _refusal("/version", address, cause)
    path = Path(address.removeprefix("unix://"))
    if any(isinstance(cause, PermissionError) for cause in causes):
        try:
            group = f"group {path.stat().st_gid}"
        except OSError:
            group = "the group of the socket"
        return (
            f"{address} may not be opened by this user. Add it to {group} (Compose: group_add), "
            "or give it a read-only proxy of the socket"
        )
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return (
            f"{address} does not exist. Is Docker running, is [docker] socket right, and is the "
            "socket mounted where the agent runs in a container?"
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"nobody answers at {address}: is Docker running?"
    return f"{address}: {error}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    pending, known = [error], set()
    while pending:
        one = pending.pop()
        if id(one) in known:
            continue
        known.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, *one.args]
        pending += [each for each in inner if isinstance(each, BaseException)]
