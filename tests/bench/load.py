"""The load generator: devices that pay one after the other, with little CPU of its own.

A raw HTTP/1.1 client on one keep-alive connection per device: about a tenth of what a general
client would cost, so the two cores belong to the platform. The device signature is the public
contract of the edge (X-DF-* headers); nothing is imported from the product.
"""

import asyncio
import hashlib
import hmac
import json
import random
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import cast

PATH = "/api/device/v1/payments"
RESPONSE_LIMIT_S = 30.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Device:
    """The id and keys of a device after enrolment."""

    device_id: str
    key_id: str
    key: bytes


@dataclass
class Result:
    """One closed-loop run."""

    payments: int = 0
    bad: list[str] = field(default_factory=list)
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return self.payments / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Connection(asyncio.Protocol):
    """One request at a time; the response's status and body."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, split, rest = self._buffer.partition(b"\r\n\r\n")
        if not split:
            return
        length = _LENGTH.search(head)
        if length is None or len(rest) < int(length.group(1)):
            return
        self._buffer = b""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), rest))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("closed by the platform"))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await asyncio.wait_for(self._waiting, RESPONSE_LIMIT_S)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def face_code(rng: random.Random) -> str:
    """A security code as the device's face recognition hands it out."""
    return "fp" + "".join(rng.choices(_ALPHABET, k=33))


def signed_request(device: Device, host: str, body: bytes, path: str = PATH) -> bytes:
    """A complete POST with the signature that the edge requires."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = "\n".join(
        ("POST", path, "", stamp, nonce, device.device_id, device.key_id,
         hashlib.sha256(body).hexdigest())
    )  # fmt: skip
    mac = hmac.new(device.key, text.encode(), hashlib.sha256).hexdigest()
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-DF-Device: {device.device_id}\r\n"
        f"X-DF-Key: {device.key_id}\r\nX-DF-Timestamp: {stamp}\r\nX-DF-Nonce: {nonce}\r\n"
        f"X-DF-Signature: {mac}\r\n\r\n"
    ).encode() + body


class Load:
    """Devices that send payments to one public address."""

    def __init__(self, host: str, port: int, devices: Sequence[Device], seed: int = 1) -> None:
        self._host = host
        self._port = port
        self._devices = devices
        self._rng = random.Random(seed)

    async def run(
        self,
        devices: int,
        seconds: float,
        *,
        warm_s: float = 1.0,
        pause_s: float = 0.0,
        every_s: float = 0.0,
        on_edge: Callable[[], None] | None = None,
    ) -> Result:
        """Closed loop: each device starts its next payment when the last one is answered, after
        an exponential pause when one is given, or at a steady pace, not before `every_s` have gone
        by since its last one began. Counts what is answered in the window that opens
        after `warm_s`; `on_edge` is called when the window opens and when it closes."""
        window = _Window(self._rng, pause_s, every_s)
        async with asyncio.TaskGroup() as group:
            for number, device in enumerate(self._devices[:devices]):
                group.create_task(self._one(device, window, number * every_s / devices))
            await asyncio.sleep(warm_s)
            window.opened_at = time.perf_counter()
            if on_edge is not None:
                on_edge()
            await asyncio.sleep(seconds)
            window.closed_at = time.perf_counter()
            if on_edge is not None:
                on_edge()
        window.result.seconds = window.closed_at - window.opened_at
        return window.result

    async def _one(self, device: Device, window: "_Window", first_s: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + first_s
        host = f"{self._host}:{self._port}"
        connection: Connection | None = None
        try:
            while not window.closed_at:
                if window.pause_s:
                    await asyncio.sleep(window.rng.expovariate(1 / window.pause_s))
                if window.every_s:
                    await asyncio.sleep(due - loop.time())
                    due = max(due, loop.time()) + window.every_s
                if connection is None:  # now: the edge waits ten seconds for a first request
                    _, connection = await loop.create_connection(Connection, self._host, self._port)
                request = self._request(device, host)
                started = time.perf_counter()
                status, response = await connection.send(request)
                window.count(status, response, time.perf_counter() - started)
        finally:
            if connection is not None:
                connection.close()

    async def pay(self, devices: int, count: int) -> list[str]:
        """Makes `count` payments in all, each device one after the other; what was not paid."""
        numbers = iter(range(count))
        bad: list[str] = []

        async def one(device: Device) -> None:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, self._host, self._port)
            with closing(connection):
                for _ in numbers:
                    request = self._request(device, f"{self._host}:{self._port}")
                    status, response = await connection.send(request)
                    if not _is_paid(status, response):
                        bad.append(f"{status} {response[:200]!r}")

        async with asyncio.TaskGroup() as group:
            for device in self._devices[:devices]:
                group.create_task(one(device))
        return bad

    def _request(self, device: Device, host: str) -> bytes:
        """A new payment of this device."""
        payment = {
            "pay_request_id": secrets.token_hex(16),
            "amount_fen": self._rng.randint(1, 50_000),
            "auth_code": face_code(self._rng),
            "subject": "bench",
        }
        return signed_request(device, host, json.dumps(payment).encode())


def _is_paid(status: int, response: bytes) -> bool:
    return status == 200 and b'"paid"' in response


class _Window:
    """The counters of a run and its measuring window."""

    def __init__(self, rng: random.Random, pause_s: float, every_s: float) -> None:
        self.rng = rng
        self.every_s = every_s
        self.pause_s = pause_s
        self.opened_at = 0.0
        self.closed_at = 0.0
        self.result = Result()

    def count(self, status: int, response: bytes, spent_s: float) -> None:
        if not _is_paid(status, response):
            self.result.bad.append(f"{status} {response[:200]!r}")
        elif self.opened_at and not self.closed_at:
            self.result.payments += 1
            self.result.latencies_ms.append(spent_s * 1000)
