"""Registers the fixtures of tests/fixtures for every tier."""

import asyncio
import warnings
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


class Loop(uvloop.Loop):
    """The loop that the programs run on."""

    def close(self) -> None:
        """uvloop warns of a transport that is still open, and then closes it. Here warnings are
        errors: one that is raised there keeps it open, and the loop waits for it for ever. A Kafka
        client that is cancelled while it connects leaves such a transport now and then."""
        with warnings.catch_warnings():
            warnings.simplefilter("default", ResourceWarning)
            super().close()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": Loop}
