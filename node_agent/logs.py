"""The agent's own log: one line per state change, on standard error.

For people on a terminal, JSON where it is piped.
"""

from __future__ import annotations

import logging
import sys

import structlog

from node_agent.config import Log


def configure(log: Log) -> None:
    """Set structlog up once, before anything is logged."""
    level = logging.getLevelNamesMapping()[log.level.upper()]
    console = sys.stderr.isatty() if log.format == "auto" else log.format == "console"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
