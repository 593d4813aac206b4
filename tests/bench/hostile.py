"""Clients that want to stop the others: `python -m tests.bench.hostile KIND`, one JSON on stdin.

    {"host", "port", "device": {"device_id", "key_id", "key"}, "owner": {"login", "password"}}

A separate process that runs only when no other process needs a processor: a real attacker would use
a machine of his own. (Niceness is not enough: Linux lets even the nicest process finish its slice,
some 3 ms, and a payment wakes ten processes one after the other.) Prints `ready` when it is active
and goes on until it is killed; then `did N`, so that a run without attacks is noticed.
"""

import asyncio
import contextlib
import itertools
import json
import os
import resource
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.bench.load import PATH, Device, signed_request
from tests.fixtures.console import COOKIE, Console

SILENT_SOCKETS, SOCKETS_PER_ADDRESS = 5_000, 500
SLOW_HEADS, SLOW_BODIES = 200, 50
DRIP_S = 1.0
GOLDEN_RATIO = 0.618034
"""Its multiples, less their whole parts, lie evenly between 0 and 1."""
MALFORMED_CONNECTIONS = 8
COSTLY_CALLS = 70
COOKIE_CALLERS = 64
RESPONSE_WAIT_S = 30.0
READY_S = 30.0

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: t\r\n".encode()


class Hostile:
    """Hostile clients against the given target."""

    def __init__(self, target: dict[str, Any]) -> None:
        self.host, self.port = target["host"], int(target["port"])
        device = target["device"]
        self.device = Device(device["device_id"], device["key_id"], bytes.fromhex(device["key"]))
        self.owner = target["owner"]
        self.did = 0

    @contextlib.asynccontextmanager
    async def connection(
        self, number: int = 0
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connects from one of many addresses of loopback, so that no limit per address applies."""
        made = socket.socket()
        made.setblocking(False)
        made.bind((f"127.0.1.{1 + number // SOCKETS_PER_ADDRESS}", 0))
        await asyncio.get_running_loop().sock_connect(made, (self.host, self.port))
        reader, writer = await asyncio.open_connection(sock=made)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def silent(self, number: int) -> None:
        async with self.connection(number) as (reader, _):
            self.did += 1
            await reader.read()

    async def drip(self, number: int, start: bytes) -> None:
        async with self.connection(number) as (reader, writer):
            self.did += 1
            writer.write(start)
            over = asyncio.ensure_future(reader.read())
            # Two hundred clients do not act in step: each drips at a moment of its own.
            await asyncio.wait([over], timeout=number * GOLDEN_RATIO % 1 * DRIP_S)
            while not over.done():
                writer.write(b"x")
                await asyncio.wait([over], timeout=DRIP_S)

    async def malformed(self, number: int) -> None:
        async with self.connection() as (reader, writer):
            for request in itertools.islice(itertools.cycle(self.nonsense()), number, None):
                writer.write(request)
                if not await reader.read(65536):
                    return
                self.did += 1

    def nonsense(self) -> list[bytes]:
        host = f"{self.host}:{self.port}"

        def signed(body: bytes) -> bytes:
            return signed_request(self.device, host, body)

        good = b'{"pay_request_id":"%s","amount_fen":1' % secrets.token_hex(16).encode()
        return [
            signed(good + b',"auth_code":"fp1","subject":"\\u0000"}'),
            signed(b"[" * 20_000),
            signed(b"{"),
            signed(good + b"}").replace(b"X-DF-Signature: ", b"X-DF-Signature: 0"),
            signed(b"x" * 70_000),
            HEAD + b"X: " + b"x" * 40_000,
            HEAD + b"Content-Length: x\r\n\r\n",
            b"\x16\x03\x01 nonsense\r\n\r\n",
        ]

    async def costly(self, console: Console, number: int) -> None:
        acts: tuple[tuple[str, Any], ...] = (
            ("/session/step-up", {"password": self.owner["password"]}),
            ("/apps/key-pairs", {}),
            ("/apps/key-check", {"app_id": "2021000000000001"}),
            ("/audit/verify", {}),
            ("/password", {"current_password": "not it", "new_password": secrets.token_hex(12)}),
        )
        path, body = acts[number % len(acts)]
        await console.ask("POST", path, {}, body)
        self.did += 1

    async def cookies(self) -> None:
        async with self.connection() as (reader, writer):
            while True:
                cookie = f"{COOKIE}={secrets.token_urlsafe(32)}".encode()
                writer.write(
                    b"GET /api/merchant/v1/session HTTP/1.1\r\nHost: t\r\nCookie: %s\r\n\r\n"
                    % cookie
                )
                if not await reader.read(65536):
                    return
                self.did += 1


Act = Callable[[int], Awaitable[None]]


async def _again(act: Act, number: int) -> None:
    while True:
        try:
            await asyncio.wait_for(act(number), RESPONSE_WAIT_S)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0)


async def _acts(kind: str, hostile: Hostile, stack: contextlib.AsyncExitStack) -> tuple[Act, int]:
    """What each client does again and again, and the number of clients."""
    match kind:
        case "silent_sockets":
            return hostile.silent, SILENT_SOCKETS
        case "slow_heads":
            return lambda number: hostile.drip(number, HEAD + b"X: "), SLOW_HEADS
        case "slow_bodies":
            start = HEAD + b"Content-Length: 60000\r\n\r\n"
            return lambda number: hostile.drip(number, start), SLOW_BODIES
        case "malformed_device":
            return hostile.malformed, MALFORMED_CONNECTIONS
        case "random_cookies":
            return lambda _: hostile.cookies(), COOKIE_CALLERS
        case "costly_acts":
            public = f"http://{hostile.host}:{hostile.port}"
            one = Console(public, hostile.owner["login"], hostile.owner["password"])
            console = await stack.enter_async_context(one)
            return lambda number: hostile.costly(console, number), COSTLY_CALLS
    raise ValueError(kind)


async def run(kind: str, target: dict[str, Any]) -> None:
    hostile, stop = Hostile(target), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        act, count = await _acts(kind, hostile, stack)
        tasks = [asyncio.ensure_future(_again(act, number)) for number in range(count)]
        wanted = count if kind.startswith(("silent", "slow")) else 1
        async with asyncio.timeout(READY_S):
            while hostile.did < wanted:
                await asyncio.sleep(0.05)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stop.wait()
        sys.stdout.write(f"did {hostile.did}\n")
        sys.stdout.flush()
        # At once: closing thousands of connections would fall into the next window.
        os._exit(0 if tasks else 1)


def main() -> None:
    import uvloop

    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(sys.argv[1], json.load(sys.stdin)))


if __name__ == "__main__":
    main()
