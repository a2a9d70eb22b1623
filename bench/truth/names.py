"""The strings of a federation by number: paths, addresses, upstreams, parties.

Enters: the servers. Leaves: arrays of codes of `Texts`, by server, path or service.
"""

from __future__ import annotations

import numpy as np

from bench.truth.scenario import Scenario
from bench.truth.sites import GATEWAY, SERVICES, Sites
from bench.truth.texts import Texts

VISITORS, STRANGERS = 200, 40


class Names:
    """All of them."""

    def __init__(self, scenario: Scenario, sites: Sites, texts: Texts) -> None:
        ids = [site.id for site in sites.items]
        services = range(SERVICES)
        base = [f"/svc-{n % SERVICES}/items/{n}" for n in range(scenario.paths)]
        self.paths = texts.codes(base)
        """Behind the prefix; (paths,)."""
        self.longer = texts.codes(f"/v1{path}" for path in base)
        self.prefixed = np.array([texts.codes(f"/{id}{path}" for path in base) for id in ids])
        """With the callee's server's prefix; (servers, paths)."""
        self.prefixed_longer = np.array(
            [texts.codes(f"/{id}/v1{path}" for path in base) for id in ids]
        )
        self.methods = texts.codes(["GET", "POST"])
        self.own_routers = texts.codes(f"svc-{n}@file" for n in services)
        self.named = texts.codes(f"http://svc-{n}:8000" for n in services)
        """Upstreams by the service's name."""
        self.own_urls = texts.codes(f"http://{texts.values[code]}:8000" for code in sites.addresses)
        """Upstreams by the container's address."""
        self.routers = texts.codes(f"{id}@file" for id in ids)
        self.urls = texts.codes(f"http://{site.internal}" for site in sites.items)
        self.visitors = texts.codes(f"203.0.113.{n + 1}" for n in range(VISITORS))
        self.strangers = texts.codes(f"10.30.0.{n + 1}" for n in range(STRANGERS))
        self.gateway, self.loopback = texts.code(GATEWAY), texts.code("127.0.0.1")
        # parties
        self.hosts = texts.codes(s.party("gateway", f"host of {s.id}") for s in sites.items)
        self.proxies = texts.codes(s.party("proxy", "private") for s in sites.items)
        self.servers = texts.codes(s.party("server", s.id) for s in sites.items)
        self.services = np.array(
            [texts.codes(s.party("service", f"svc-{n}") for n in services) for s in sites.items]
        )
        self.internet = texts.code("external - internet")
        self.outsiders = texts.codes(f"outside - 10.30.0.{n + 1}" for n in range(STRANGERS))
