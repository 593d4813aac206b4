"""Registers the fixtures of tests/fixtures for every tier."""

import asyncio
from collections.abc import Callable

import structlog
import uvloop

# As the programs log, but to whatever pytest captures now. The library's own default draws every
# traceback with the value of each local name: minutes of work where an error is what is tested.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str),
    ],
    logger_factory=structlog.PrintLoggerFactory(),
)

pytest_plugins = [
    "tests.fixtures.clock",
    "tests.fixtures.keys",
    "tests.fixtures.signing",
    "tests.fixtures.tokens",
    "tests.fixtures.postgres",
    "tests.fixtures.events",
    "tests.fixtures.processes",
    "tests.fixtures.commands",
    "tests.fixtures.spread",
]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the programs run on."""
    return {"uvloop": uvloop.new_event_loop}
