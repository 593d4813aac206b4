"""Programs beside `python -m tests.bench.streams`: python -m tests.bench.streams_programs PROGRAM.

edge      the edge, with one route more: a feed of events. One person stands for all its listeners,
          and so may hold all places of streams
feed      the service behind that route: an event a second for each of its listeners
clients   listeners and a reader of exports, told on stdin; says `ready` when all are under way,
          and `did EVENTS ROWS BROKEN` when it is ended. It runs when nobody else wants a
          processor: real listeners have machines of their own.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

FEED, EXPORT = "/api/merchant/v1/feed", "/api/merchant/v1/audit/export"
EVERY_S = 1.0
EVENT = b'data: {"order_id":"%s","state":"paid","amount_fen":1200}\n\n' % (b"0" * 36)
READY_S = 60.0


def edge() -> None:
    from gateway import __main__, limits, routing

    limits.STREAMS = limits.STREAMS._replace(per_caller=256, per_merchant=256)
    route = routing.Route("GET", FEED, "order", "user", streams=True)
    known = routing.table
    routing.table = lambda routes=routing.ROUTES: known((*routes, route))  # type: ignore[assignment]
    __main__.main(["edge"])


def feed() -> None:
    from fastapi import APIRouter, FastAPI, Request
    from fastapi.responses import Response

    from shared.clock import SystemClock
    from shared.config import BaseConfig, load
    from shared.keys.tokens import TokenVerifier
    from shared.serve import run_api
    from shared.web import Streamed, guard, make_app

    router = APIRouter()

    async def events() -> AsyncIterator[bytes]:
        number = 0
        while True:
            number += 1
            yield b"id: %d\n%s" % (number, EVENT)
            await asyncio.sleep(EVERY_S)

    @router.get(FEED, dependencies=[guard("user")])
    async def listen(_request: Request) -> Response:
        return Streamed(events(), media_type="text/event-stream")

    @contextlib.asynccontextmanager
    async def living(_app: FastAPI) -> AsyncIterator[None]:
        yield

    async def ready() -> dict[str, bool]:
        return {}

    config = load(BaseConfig)
    verifier = TokenVerifier.from_config("order", config, SystemClock())
    app = make_app("feed", verifier=verifier, lifespan=living, ready=ready, routers=[router])
    run_api("feed", app, config)


class Clients:
    """Who listens, and who exports, at one edge."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.host, self.port = told["host"], int(told["port"])
        self.listeners, self.cookie = int(told["listeners"]), told["cookie"]
        self.events = self.rows = self.broken = self.listening = 0
        self.is_over = False

    def request(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: t\r\nCookie: {self.cookie}\r\n\r\n".encode()

    async def listen(self) -> None:
        while True:
            reader, writer = await asyncio.open_connection(self.host, self.port)
            try:
                writer.write(self.request(FEED))
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 200 " not in head:
                    raise RuntimeError(head.decode())
                self.listening += 1
                while part := await reader.read(65536):
                    self.events += part.count(b"\ndata: ")
                self.listening -= 1
            finally:
                writer.close()

    async def export(self) -> None:
        """One after the other, as the rate of costly acts lets one person."""
        while True:
            began = time.monotonic()
            reader, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(self.request(EXPORT))
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " in answer:
                last = b""
                while not last.endswith(b"\r\n0\r\n\r\n") and (part := await reader.read(262144)):
                    self.rows += part.count(b",order.look,")
                    last = (last + part)[-7:]
                self.broken += not last.endswith(b"\r\n0\r\n\r\n")
            writer.close()
            await asyncio.sleep(max(0.1, 2.5 - (time.monotonic() - began)))


async def _clients(told: dict[str, Any]) -> None:
    clients, stop = Clients(told), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.ensure_future(clients.listen()) for _ in range(clients.listeners)]
    tasks.append(asyncio.ensure_future(clients.export()))
    async with asyncio.timeout(READY_S):
        while clients.listening < clients.listeners or not clients.rows:
            failed = [one for one in tasks if one.done()]
            if failed:
                failed[0].result()
            await asyncio.sleep(0.05)
    clients.events = clients.rows = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stop.wait()
    sys.stdout.write(f"did {clients.events} {clients.rows} {clients.broken}\n")
    sys.stdout.flush()
    os._exit(0)


def clients() -> None:
    import uvloop

    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_clients(json.load(sys.stdin)))


if __name__ == "__main__":
    {"edge": edge, "feed": feed, "clients": clients}[sys.argv[1]]()
