"""What an inner HTTP call costs, by client: `python -m tests.bench.clients` (decision 0011).

CPU microseconds of this process per 330-byte POST to a small server in another process, at 1, 32
and 100 in flight; medians of three rounds. CPU time, because neighbours bend wall time.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import httpx
from httpx_aiohttp import AiohttpTransport

from shared.client import Client

BODY = b"x" * 330
CALLS = 1500
ROUNDS = 3
IN_FLIGHT = (1, 32, 100)
SERVER = """
import uvicorn
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=PORT, log_level="error", lifespan="off", timeout_keep_alive=60)
"""

Call = Callable[[], Awaitable[object]]


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


async def _measure(port: int) -> dict[str, list[float]]:
    base = f"http://127.0.0.1:{port}"
    limits = httpx.Limits(max_connections=100)
    plain = httpx.AsyncClient(base_url=base, limits=limits)
    mixed = httpx.AsyncClient(base_url=base, transport=AiohttpTransport(limits=limits))
    ours = Client(base, name="bench", pool=100)
    calls: dict[str, Call] = {
        "httpx": lambda: plain.post("/", content=BODY),
        "httpx on aiohttp": lambda: mixed.post("/", content=BODY),
        "shared.client": lambda: ours.request("POST", "/", content=BODY),
    }
    rows = {}
    for name, call in calls.items():
        rows[name] = [
            statistics.median([await _cost(call, n) for _ in range(ROUNDS)]) for n in IN_FLIGHT
        ]
    await plain.aclose()
    await mixed.aclose()
    await ours.aclose()
    return rows


def main() -> None:
    port = 18999
    code = SERVER.replace("PORT", str(port))
    server = subprocess.Popen([sys.executable, "-c", code])
    try:
        time.sleep(1.5)
        rows = asyncio.run(_measure(port))
    finally:
        server.terminate()
        server.wait()
    sys.stdout.write("| CPU us per call | " + " | ".join(f"{n} in flight" for n in IN_FLIGHT))
    sys.stdout.write(" |\n| --- | " + " | ".join("---:" for _ in IN_FLIGHT) + " |\n")
    for name, costs in rows.items():
        sys.stdout.write(f"| {name} | " + " | ".join(f"{cost:.0f}" for cost in costs) + " |\n")


if __name__ == "__main__":
    main()
