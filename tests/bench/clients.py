"""What an HTTP call costs, by client: `python -m tests.bench.clients` (decision 0031).

CPU microseconds of this process for each POST of 500 bytes of JSON, answered with 500 bytes by a
small server in another process, at 1 and 32 in flight. The clients take turns, so that a busy
machine is busy for all of them; median and least of nine rounds. CPU time, because neighbours bend
wall time. httpcore, niquests, pyreqwest and rnet are no dependencies of ours: without them
(`pip install --target DIR`, then PYTHONPATH=DIR) their figures are left out.
"""

import asyncio
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from gateway.http_client import HttpClient

BODY = b'{"a":"%b"}' % (b"x" * 492)
HEADERS = {
    "Authorization": "Bearer " + "t" * 300,
    "Content-Type": "application/json",
    "X-Request-Id": "abcdefgh",
}
CALLS = 800
ROUNDS = 9
IN_FLIGHT = (1, 32)
PORT = 18999
URL = f"http://127.0.0.1:{PORT}"
SERVER = r"""
import asyncio, httptools, uvloop
ANSWER = (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n"
          b"x-request-id: abcdefgh\r\n\r\n{" + b" " * 498 + b"}")
class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.parser = transport, httptools.HttpRequestParser(self)
    def data_received(self, data):
        self.parser.feed_data(data)
    def on_message_complete(self):
        self.transport.write(ANSWER)
async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", PORT)
    await server.serve_forever()
uvloop.run(main())
"""

Call = Callable[[], Awaitable[object]]


def _ours() -> Iterator[tuple[str, Call]]:
    client = HttpClient(URL, name="bench", pool=100)
    yield "gateway.http_client", lambda: client.request("POST", "/", content=BODY, headers=HEADERS)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))

    async def by_session() -> None:
        async with session.post(f"{URL}/", data=BODY, headers=HEADERS) as response:
            await response.read()

    yield "aiohttp's session", by_session
    transport = AiohttpTransport(limits=httpx.Limits(max_connections=100))
    mixed = httpx.AsyncClient(transport=transport)
    yield "httpx on aiohttp", lambda: mixed.post(f"{URL}/", content=BODY, headers=HEADERS)


def _others() -> Iterator[tuple[str, Callable[[Any], Call]]]:
    """By module, how its client is made and called."""

    def pyreqwest(module: Any) -> Call:
        client = module.ClientBuilder().build()

        async def call() -> None:
            request = client.post(f"{URL}/").headers(HEADERS).body_bytes(BODY)
            await (await request.build().send()).bytes()

        return call

    def rnet(module: Any) -> Call:
        client = module.Client()

        async def call() -> None:
            await (await client.post(f"{URL}/", headers=HEADERS, body=BODY)).bytes()

        return call

    def niquests(module: Any) -> Call:
        session = module.AsyncSession(pool_maxsize=100, multiplexed=False)
        return lambda: session.post(f"{URL}/", data=BODY, headers=HEADERS)

    def httpcore(module: Any) -> Call:
        pool = module.AsyncConnectionPool(max_connections=100, max_keepalive_connections=100)
        headers = [("Host", "bench"), *HEADERS.items()]
        return lambda: pool.request("POST", f"{URL}/", content=BODY, headers=headers)

    yield "pyreqwest.client", pyreqwest
    yield "rnet", rnet
    yield "niquests", niquests
    yield "httpcore", httpcore


def _calls() -> dict[str, Call]:
    calls = dict(_ours())
    for name, made in _others():
        try:
            calls[name] = made(importlib.import_module(name))
        except ImportError:
            continue
    return calls


async def _cost(call: Call, in_flight: int) -> float:
    left = CALLS

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call()

    await asyncio.gather(*(call() for _ in range(in_flight)))
    started = time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return (time.process_time() - started) / CALLS * 1e6


async def _measure() -> dict[str, list[list[float]]]:
    calls = _calls()
    costs: dict[str, list[list[float]]] = {name: [[] for _ in IN_FLIGHT] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            for place, in_flight in enumerate(IN_FLIGHT):
                costs[name][place].append(await _cost(call, in_flight))
    return costs


def main() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER.replace("PORT", str(PORT))])
    try:
        time.sleep(1.5)
        costs = uvloop.run(_measure())
    finally:
        server.terminate()
        server.wait()
    sys.stdout.write("| CPU us per call | " + " | ".join(f"{n} in flight" for n in IN_FLIGHT))
    sys.stdout.write(" |\n| --- | " + " | ".join("---:" for _ in IN_FLIGHT) + " |\n")
    for name, columns in costs.items():
        cells = [f"{statistics.median(column):.0f} ({min(column):.0f})" for column in columns]
        sys.stdout.write(f"| {name} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
