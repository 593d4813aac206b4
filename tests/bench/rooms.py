"""What several consumers of one event in one service cost, as JSON: `python -m tests.bench.rooms`.

Two ways to give R rooms one event: a group for each room (ours), and one group whose reader calls
the rooms one after the other, each with an inbox key and a transaction of its own. A backlog gives
the CPU of this process per event; a steady stream gives the lag; rounds of both ways alternate.
KAFKA_BOOTSTRAP names the broker, else it is the embedded one.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from shared import inbox
from shared.clock import SystemClock
from shared.consumer import Handlers, consumers
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreCreated
from shared.db import Database
from shared.kafka import Producer
from tests.fixtures.events import EmbeddedBroker
from tests.fixtures.postgres import Cluster
from tests.fixtures.tokens import ServiceKeys
from tests.integration.shared.conftest import made

ROOMS = (1, 2, 3)
ROUNDS = 3
BACKLOG = 3_000
PER_S, FOR_S = 50, 6
WRITE = "INSERT INTO notes SELECT t, gen_random_uuid(), '' FROM unnest($1::uuid[]) AS t"

Seen = Callable[[int, Sequence[Any]], None]


async def _write(pg: Any, events: Sequence[Any]) -> None:
    await pg.execute(WRITE, [event.tenant_id for event in events])


def a_group_each(db: Database, rooms: int, seen: Seen) -> Handlers:
    """What `Handlers.room` does."""
    handlers = Handlers(f"bench-{uuid4()}")
    for number in range(rooms):

        async def write(_deps: Any, pg: Any, events: Any, number: int = number) -> None:
            await _write(pg, events)
            seen(number, events)

        handlers.room(f"r{number}").on(StoreCreated)(write)
    return handlers


def one_group(db: Database, rooms: int, seen: Seen) -> Handlers:
    """The first room in the reader's transaction, each further one in its own."""
    handlers = Handlers(f"bench-{uuid4()}")

    @handlers.on(StoreCreated)
    async def write(_deps: Any, pg: Any, events: Any) -> None:
        await _write(pg, events)
        seen(0, events)
        for number in range(1, rooms):
            async with db.pg(None) as other:
                await inbox.claim(other, f"{handlers.consumer}.r{number}", events)
                await _write(other, events)
            seen(number, events)

    return handlers


WAYS = {"a group each": a_group_each, "one group": one_group}


@contextmanager
def _machine() -> Iterator[tuple[Cluster, str, ServiceKeys]]:
    given = os.environ.get("KAFKA_BOOTSTRAP")
    with TemporaryDirectory() as folder, TemporaryDirectory() as keys:
        cluster, broker = Cluster(Path(folder)), EmbeddedBroker()
        cluster.start()
        if not given:
            broker.start()
        try:
            yield cluster, given or broker.bootstrap, ServiceKeys(Path(keys))
        finally:
            broker.stop()
            cluster.stop()


def _connections(bootstrap: str) -> int:
    """The number of this process's open connections to the broker (Linux)."""
    port = f":{int(bootstrap.rpartition(':')[2]):04X}"
    own_sockets = {
        os.readlink(file) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()
    }
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(port) and f"socket:[{row[9]}]" in own_sockets for row in rows)


async def _until(is_done: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not is_done():
            await asyncio.sleep(0.005)


async def _publish(producer: Producer, count: int) -> None:
    clock = SystemClock()
    events = [
        StoreCreated(**stamp(uuid4(), clock), store_id=uuid4(), name="") for _ in range(count)
    ]
    await producer.send_batch(StoreCreated.topic, [(e.subject, e.encode()) for e in events])


async def _round(
    db: Database, consuming: Any, producing: Any, way: Any, rooms: int
) -> dict[str, Any]:
    counts, lags = [0] * rooms, []

    def seen(room: int, events: Sequence[Any]) -> None:
        counts[room] += len(events)
        now = SystemClock().now()
        lags.extend((now - event.occurred_at).total_seconds() * 1000 for event in events)

    producer = Producer(producing)
    handlers = way(db, rooms, seen)
    found = consumers(db, handlers, SimpleNamespace(clock=SystemClock()), consuming)
    total = sum((await producer.end_offsets(StoreCreated.topic)).values())
    started = time.process_time()
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(one.run()) for one in found]
    await _until(lambda: min(counts) >= total)
    cpu_us = (time.process_time() - started) / total * 1e6
    lags.clear()
    for _ in range(PER_S * FOR_S):
        await _publish(producer, 1)
        await asyncio.sleep(1 / PER_S)
    await _until(lambda: min(counts) >= total + PER_S * FOR_S)
    await producer.aclose()
    connections = _connections(consuming.bootstrap)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ranked = sorted(lags)
    return {
        "cpu_us_per_event": cpu_us,
        "lag_p50_ms": ranked[len(ranked) // 2],
        "lag_p99_ms": ranked[len(ranked) * 99 // 100],
        "connections": connections,
    }


async def _measured(cluster: Cluster, bootstrap: str, keys: ServiceKeys) -> list[dict[str, Any]]:
    place = await made(cluster)
    db = Database(place.app_url, place.system_url, pool_size=6, name="bench")
    await db.open()
    consuming, producing = keys.broker("order", bootstrap), keys.broker("binding", bootstrap)
    producer = Producer(producing)
    await _publish(producer, BACKLOG)
    await producer.aclose()
    rounds: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for _ in range(ROUNDS):
        for rooms in ROOMS:
            for name, way in WAYS.items():
                took = await _round(db, consuming, producing, way, rooms)
                rounds.setdefault((rooms, name), []).append(took)
    await db.close()
    return [
        {"rooms": rooms, "way": name}
        | {figure: round(median(one[figure] for one in took), 1) for figure in took[0]}
        for (rooms, name), took in rounds.items()
    ]


def main() -> None:
    with _machine() as (cluster, bootstrap, keys):
        found = asyncio.run(_measured(cluster, bootstrap, keys))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
