"""The dashboard and the alert rules: promtool takes them, and what they ask for is served."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from node_agent.agent import Agent
from node_agent.metrics import AgentCollector
from node_agent.settings import load
from tests.hub.guarded import guarded_hub
from tests.node_agent.conftest import Place

MONITORING = Path(__file__).parents[1] / "docs" / "monitoring"
NAME = re.compile(r"\bhopwatch_[a-z_]+")


def asked_for() -> set[str]:
    """Names in the expressions of both files."""
    expressions = re.findall(r"expr: (.*)", (MONITORING / "alerts.yml").read_text())
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    expressions += [one["expr"] for panel in dashboard["panels"] for one in panel["targets"]]
    return {name for expression in expressions for name in NAME.findall(expression)}


async def test_every_metric_that_is_asked_for_is_served(tmp_path: Path) -> None:
    async with guarded_hub(tmp_path) as hub, hub.client() as client:
        served = (await client.get("/metrics")).text
    directory = tmp_path / "agent"
    directory.mkdir()
    agent = Agent(load(Place(directory).config))
    registry = CollectorRegistry()
    registry.register(AgentCollector(agent._session, agent._pump.relay))
    served += generate_latest(registry).decode()
    agent._close()
    names = set(re.findall(r"^# TYPE (\w+) ", served, re.MULTILINE))
    assert asked_for() <= names, "a family's name in Prometheus' text has its _total, too"


def test_the_dashboards_panels_do_not_overlap() -> None:
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)
@pytest.mark.parametrize("words", [("check", "alerts.yml"), ("test", "alerts_test.yml")])
def test_promtool_takes_the_rules(words: tuple[str, str]) -> None:
    command = ["promtool", words[0], "rules", str(MONITORING / words[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
