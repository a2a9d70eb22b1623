"""The configurations of the agents and of the hub, as text in CONTRACT's form. Pure."""

from __future__ import annotations

import json
from pathlib import PurePath

from servers.runner.plan import PRIVATE_PROXY, PUBLIC_PROXY, Mode, ServerPlan, plan_outsiders


def agent_toml(plan: ServerPlan, hub: str, logs: PurePath, state: PurePath) -> str:
    """The agent of one server. `logs` holds `private.jsonl` and `public.jsonl`."""
    private = _proxy(
        PRIVATE_PROXY,
        "private",
        logs / "private.jsonl",
        [plan.private_entry, plan.internal_entry],
        [plan.networks[0].name, plan.networks[2].name],
        plan.private_api,
    )
    public = _proxy(
        PUBLIC_PROXY,
        "public",
        logs / "public.jsonl",
        list(plan.public_entries),
        [plan.networks[1].name],
        plan.public_api,
    )
    head = f"""\
[server]
id = {_text(plan.id)}
internal_addresses = {_list([plan.internal_address])}
public_addresses = {_list([plan.public_address])}

[hub]
address = {_text(hub)}

"""
    tail = f"[state]\ndirectory = {_text(str(state))}\n"
    return head + private + public + _networks(plan) + _services(plan) + tail


def hub_toml(mode: Mode, http_port: int, socket: PurePath, data: PurePath) -> str:
    """The hub: on loopback for people, on a Unix socket for the agents in their namespaces."""
    outsiders = plan_outsiders(mode)
    return f"""\
[grpc]
listen = {_list([f"unix:{socket}"])}

[http]
listen = "127.0.0.1:{http_port}"
auth = "none"

[data]
directory = {_text(str(data))}

[[sources]]
name = "your browser"
cidrs = {_list([f"{outsiders.browser}/32"])}

[[sources]]
name = "office"
cidrs = {_list([f"{address}/32" for address in outsiders.visitors[:2]])}
"""


def _proxy(
    name: str, kind: str, log: PurePath, addresses: list[str], networks: list[str], api: str
) -> str:
    return f"""\
[[proxies]]
name = {_text(name)}
kind = {_text(kind)}
access_log = {_text(str(log))}
format = "json"
addresses = {_list(addresses)}
networks = {_list(networks)}
traefik_api = {_text(f"http://{api}")}

"""


def _networks(plan: ServerPlan) -> str:
    text = ""
    for network in plan.networks:
        gateway = f"gateway = {_text(network.gateway)}\n" if network.gateway else ""
        text += f"""\
[[networks]]
name = {_text(network.name)}
subnet = {_text(network.subnet)}
{gateway}shared = {_text(network.shared)}

"""
    return text


def _services(plan: ServerPlan) -> str:
    """The machines behind the proxies: the static inventory, where there is no Docker."""
    text = ""
    for machine in plan.machines:
        if machine.name in (PRIVATE_PROXY, PUBLIC_PROXY):
            continue
        for attachment in machine.attachments:
            text += f"""\
[[services]]
name = {_text(machine.name)}
network = {_text(attachment.network.name)}
addresses = {_list([attachment.address])}

"""
    return text


def _text(value: str | bool) -> str:
    """TOML's basic strings and booleans are written as in JSON."""
    return json.dumps(value, ensure_ascii=False)


def _list(values: list[str]) -> str:
    return json.dumps(values, ensure_ascii=False)
