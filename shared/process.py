"""A service's processes from one description: its API, its worker and its command line.

An API never loads the Kafka client and a worker never loads FastAPI: each function imports what it
needs.
"""

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from shared import startup
from shared.clock import Clock
from shared.config import BaseConfig, DatabaseConfig, load, owner_url

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from shared.consumer import Handlers
    from shared.db import Database
    from shared.worker import Job

Close = Callable[[], Awaitable[None]]


class Deps(Protocol):
    """The dependencies that every service gives to its use cases."""

    @property
    def db(self) -> "Database": ...

    @property
    def clock(self) -> Clock: ...


def _name(package: str) -> str:
    return package.rpartition(".")[2]


@asynccontextmanager
async def _opened(deps: Deps, closing: Sequence[Close]) -> AsyncIterator[None]:
    await deps.db.open()
    try:
        yield
    finally:
        for close in closing:
            await close()
        await deps.db.close()


def make_api(
    package: str, config: BaseConfig, deps: Deps, routers: "Iterable[APIRouter]",
    *, closing: Sequence[Close] = (), **limits: int,
) -> "FastAPI":  # fmt: skip
    """The API of `services.<name>`. Nothing is opened before the server starts. When it ends, the
    functions in `closing` are called in order, then the database is closed. `limits` go to
    `make_app`."""
    from shared.keys.tokens import TokenVerifier
    from shared.web import make_app

    async def ready() -> dict[str, bool]:
        return {"database": await deps.db.ping()}

    name = _name(package)
    verifier = TokenVerifier.from_config(name, config, deps.clock)
    app = make_app(
        name, verifier=verifier, ready=ready, routers=routers,
        lifespan=lambda _app: _opened(deps, closing), **limits,
    )  # fmt: skip
    app.state.deps = deps
    return app


async def work(
    package: str, config: DatabaseConfig, deps: Deps, handlers: "Handlers", jobs: "Sequence[Job]",
    *, publishes: str = "", closing: Sequence[Close] = (),
) -> None:  # fmt: skip
    """The worker of `services.<name>` until SIGTERM: its consumers, the relay to the topic that it
    `publishes`, its jobs, and its invariants."""
    from shared import invariants
    from shared.consumer import consumers
    from shared.kafka import Producer, broker
    from shared.outbox import Relay
    from shared.worker import run_worker

    name = _name(package)
    events = broker(config, name)
    producer = Producer(events)
    rooms = consumers(deps.db, handlers, deps, events)
    all_jobs = [*(room.run for room in rooms), *jobs]
    if publishes:
        idle_poll_s = config.outbox_idle_poll_ms / 1000
        all_jobs.append(Relay(deps.db, producer, publishes, idle_poll_s=idle_poll_s).run)
    folder = str(import_module(package).__file__)
    all_jobs.append(invariants.checking(deps.db, folder, deps.clock))

    async def ready() -> dict[str, bool]:
        return {"database": await deps.db.ping(), "consumer": all(room.joined for room in rooms)}

    async with _opened(deps, [producer.aclose, *closing]):
        await run_worker(f"{name}-worker", config, all_jobs, ready)


def parse(package: str, description: str | None) -> argparse.Namespace:
    """The command line of a service that has no commands of its own."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=description)
    parser.add_argument("command", choices=("api", "worker", "migrate"))
    return parser.parse_args()


def main(
    package: str, config: type[DatabaseConfig], arguments: argparse.Namespace,
    run_command: Callable[[argparse.Namespace], None] | None = None,
) -> None:  # fmt: skip
    """`python -m services.<name>`: `create_app` of its `app`, `run` of its `worker`, its
    migrations, or a command of its own."""
    name = _name(package)
    if arguments.command == "api":
        from shared.serve import run_api

        settings = load(config)
        run_api(f"{name}-api", import_module(f"{package}.app").create_app(settings), settings)
    elif arguments.command == "worker":
        import uvloop  # the servers' event loop, too

        uvloop.run(import_module(f"{package}.worker").run(load(config)))
    elif arguments.command == "migrate":
        from shared.migrate import migrate

        migrate(package, owner_url(name))
    elif run_command:
        startup.end()
        run_command(arguments)
