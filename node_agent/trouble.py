"""A disk that fails does not end the agent: it is told once, and reading is tried again."""

from __future__ import annotations

from node_agent.defaults import FAILING_S


class Trouble:
    """The failed reads of one proxy's log."""

    def __init__(self) -> None:
        self._failed_s = 0.0
        self._reason = self._told = ""

    def failed(self, error: OSError, now_s: float) -> None:
        """A read failed."""
        self._failed_s = now_s
        self._reason = error.strerror or str(error)

    def news(self, now_s: float) -> str:
        """What is to be told now; "" for nothing new."""
        if self._reason and now_s - self._failed_s > FAILING_S:
            self._reason = self._told = ""
        if self._reason == self._told:
            return ""
        self._told = self._reason
        return f"{self._reason}; trying again"
