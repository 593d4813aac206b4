"""The outside of the platform in one object: a device, the sandbox's admin door, a console."""

import asyncio
import hashlib
import hmac
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import httpx

from tests.bench.load import face_code
from tests.fixtures.console import Console, Enrolled
from tests.fixtures.plain_http import NO_TLS
from tests.fixtures.processes import EVENT_WITHIN_S, Stack

PAYMENTS = "/api/device/v1/payments"
FINAL = frozenset(
    {"paid", "failed", "closed", "reversed", "refunded", "partially_refunded", "late_paid"}
)
FoundT = TypeVar("FoundT")


def bar_code() -> str:
    """A buyer's Alipay code, as a scanner reads it."""
    return "28" + "".join(random.choices("0123456789", k=16))


def new_request_id() -> str:
    return f"e{secrets.token_hex(12)}"


def payment_body(amount: int = 1, /, **members: Any) -> dict[str, Any]:
    """A good body of so many fen; `members` replace what is good."""
    return {
        "pay_request_id": new_request_id(),
        "amount_fen": amount,
        "auth_code": face_code(random.Random()),
        **members,
    }


def device_headers(
    device: Enrolled,
    method: str,
    path: str,
    raw: bytes,
    *,
    query: str = "",
    at: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """The X-DF-* headers of an honest device; the arguments make it dishonest."""
    stamp = str(int(time.time()) if at is None else at)
    nonce = nonce or secrets.token_hex(16)
    digest = hashlib.sha256(raw).hexdigest()
    text = "\n".join((method, path, query, stamp, nonce, device.device_id, device.key_id, digest))
    return {
        "Content-Type": "application/json",
        "X-DF-Device": device.device_id,
        "X-DF-Key": device.key_id,
        "X-DF-Timestamp": stamp,
        "X-DF-Nonce": nonce,
        "X-DF-Signature": hmac.new(device.key, text.encode(), hashlib.sha256).hexdigest(),
    }


async def eventually(
    ask: Callable[[], Awaitable[FoundT | None]],
    *,
    limit_s: float = EVENT_WITHIN_S,
    every_s: float = 0.1,
) -> FoundT:
    """The first answer that is not None (or empty)."""
    deadline = time.monotonic() + limit_s
    while True:
        found = await ask()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {limit_s} s: {ask}"
        await asyncio.sleep(every_s)


class World:
    """One per test; the stack behind it is shared."""

    def __init__(self, stack: Stack, device: Enrolled, owner: Console) -> None:
        self.stack = stack
        self.device = device
        self.owner = owner
        self.http = httpx.AsyncClient(base_url=stack.public, timeout=30, verify=NO_TLS)
        self.admin = httpx.AsyncClient(base_url=stack.admin, timeout=10, verify=NO_TLS)
        self.app_id: str = stack.info["demo"]["app_id"]

    async def close(self) -> None:
        await self.http.aclose()
        await self.admin.aclose()

    # the device

    async def call(
        self, method: str, path: str, body: Any = None, *, device: Enrolled | None = None
    ) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = device_headers(device or self.device, method, path, raw)
        return await self.http.request(method, path, content=raw, headers=headers)

    async def pay(self, amount_fen: int = 1, /, **members: Any) -> dict[str, Any]:
        answer = await self.call("POST", PAYMENTS, payment_body(amount_fen, **members))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def status(self, pay_request_id: str) -> dict[str, Any]:
        answer = await self.call("GET", f"{PAYMENTS}/{pay_request_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def final(self, pay_request_id: str, *, limit_s: float = 25.0) -> dict[str, Any]:
        async def ask() -> dict[str, Any] | None:
            found = await self.status(pay_request_id)
            return found if found["status"] in FINAL else None

        return await eventually(ask, limit_s=limit_s, every_s=0.25)

    # the sandbox

    async def trade(self, out_trade_no: str) -> dict[str, Any] | None:
        answer = await self.admin.get(f"/trades/{out_trade_no}")
        if answer.status_code == 404:
            return None
        found: dict[str, Any] = answer.json()
        return found

    @asynccontextmanager
    async def fault(
        self, fault: str, method: str | None = "alipay.trade.pay", **more: Any
    ) -> AsyncIterator[None]:
        """A misbehaviour of the channel for the block's length."""
        wanted = {"app_id": self.app_id, "fault": fault, **more}
        if method is not None:
            wanted["method"] = method
        answer = await self.admin.post("/faults", json=wanted)
        assert answer.status_code < 300, answer.text
        try:
            yield
        finally:
            # This one alone: others of the stack have chosen theirs.
            await self.admin.delete(f"/faults/{answer.json()['fault_id']}")

    # the console

    async def order(self, out_trade_no: str, *, limit_s: float = EVENT_WITHIN_S) -> dict[str, Any]:
        """The order of a payment, once the event has made it appear."""

        async def ask() -> dict[str, Any] | None:
            answer = await self.owner.get("/orders", q=out_trade_no)
            assert answer.status_code == 200, answer.text
            items: list[dict[str, Any]] = answer.json()["items"]
            assert len(items) <= 1, "one payment, one order (G6)"
            return items[0] if items else None

        return await eventually(ask, limit_s=limit_s)

    async def reward(self, payment_id: str, wanted: str = "granted") -> dict[str, Any]:
        async def ask() -> dict[str, Any] | None:
            answer = await self.call("GET", f"/api/device/v1/rewards/{payment_id}")
            if answer.status_code != 200 or answer.json()["status"] != wanted:
                return None
            found: dict[str, Any] = answer.json()
            return found

        return await eventually(ask)

    # the books, read as their own service would under system scope

    async def rows(self, service: str, sql: str, *args: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.stack.postgres(service))
        try:
            return await connection.fetch(sql, *args)
        finally:
            await connection.close()
