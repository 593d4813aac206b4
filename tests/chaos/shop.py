"""Counters that keep selling while things break: devices with the Dragonfly's journal rule.

A sale has one pay_request_id. Whatever happens (no answer, 5xx, a restart in between), the device
asks again under the same id until it is told a final state, and only then starts the next sale.
"""

import asyncio
import hashlib
import hmac
import json
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.bench.load import Device, face_code

PAYMENTS = "/api/device/v1/payments"
FINAL = frozenset(
    {"paid", "failed", "closed", "reversed", "refunded", "partially_refunded", "late_paid"}
)
ANSWER_LIMIT_S = 25.0
RETRY_S = (0.2, 1.2)
CANCEL_SHARE = 0.03


@dataclass
class Sale:
    """One line of a device's journal."""

    device_id: str
    pay_request_id: str
    amount_fen: int
    auth_code: str
    is_cancelled_early: bool
    status: str = "new"
    out_trade_no: str = ""
    payment_id: str = ""
    attempts: int = 0
    seconds: float = 0.0

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


def signed_headers(device: Device, method: str, path: str, body: bytes) -> dict[str, str]:
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = "\n".join(
        (method, path, "", stamp, nonce, device.device_id, device.key_id,
         hashlib.sha256(body).hexdigest())
    )  # fmt: skip
    return {
        "Content-Type": "application/json",
        "X-DF-Device": device.device_id,
        "X-DF-Key": device.key_id,
        "X-DF-Timestamp": stamp,
        "X-DF-Nonce": nonce,
        "X-DF-Signature": hmac.new(device.key, text.encode(), hashlib.sha256).hexdigest(),
    }


class Shop:
    """All devices together sell `payments` times at a steady pace."""

    def __init__(
        self, public: str, devices: Sequence[Device], *, payments: int, pace: float, seed: int
    ) -> None:
        self._public = public
        self._devices = devices
        self._payments = payments
        self._pace = pace
        self._rng = random.Random(seed)
        self.journal: list[Sale] = []
        self.stop_selling = asyncio.Event()
        """No new sale after this; sales that have begun go on until they are final."""

    async def run(self) -> None:
        tickets: asyncio.Queue[Sale] = asyncio.Queue()
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT_S),
                connector=aiohttp.TCPConnector(limit=0),
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            for device in self._devices:
                group.create_task(self._counter(session, device, tickets))
            for _ in range(self._payments):
                if self.stop_selling.is_set():
                    break
                tickets.put_nowait(self._sale())
                await asyncio.sleep(self._rng.expovariate(self._pace))
            for _ in self._devices:
                tickets.put_nowait(_CLOSING)

    def _sale(self) -> Sale:
        return Sale(
            device_id="",
            pay_request_id=f"c{self._rng.getrandbits(96):024x}",
            amount_fen=self._rng.randint(1, 99_999),
            auth_code=face_code(self._rng),
            is_cancelled_early=self._rng.random() < CANCEL_SHARE,
        )

    async def _counter(
        self, session: aiohttp.ClientSession, device: Device, tickets: "asyncio.Queue[Sale]"
    ) -> None:
        while (sale := await tickets.get()) is not _CLOSING:
            sale.device_id = device.device_id
            self.journal.append(sale)
            started = time.monotonic()
            await self._sell(session, device, sale)
            sale.seconds = time.monotonic() - started

    async def _sell(self, session: aiohttp.ClientSession, device: Device, sale: Sale) -> None:
        body = {
            "pay_request_id": sale.pay_request_id,
            "amount_fen": sale.amount_fen,
            "auth_code": sale.auth_code,
            "subject": "chaos",
        }
        while not sale.is_final:
            sale.attempts += 1
            asked = [self._ask(session, device, PAYMENTS, body)]
            if sale.is_cancelled_early:
                asked.append(self._cancel_soon(session, device, sale.pay_request_id))
            for answer in await asyncio.gather(*asked):
                self._note(sale, answer)
            if not sale.is_final:
                await asyncio.sleep(self._rng.uniform(*RETRY_S))

    async def _cancel_soon(
        self, session: aiohttp.ClientSession, device: Device, pay_request_id: str
    ) -> dict[str, Any] | None:
        """The clerk changes his mind while the payment is on its way: cancel races success."""
        await asyncio.sleep(self._rng.uniform(0.0, 0.4))
        return await self._ask(session, device, f"{PAYMENTS}/{pay_request_id}/cancel", {})

    @staticmethod
    def _note(sale: Sale, answer: dict[str, Any] | None) -> None:
        if answer is not None and {"status", "out_trade_no", "payment_id"} <= answer.keys():
            sale.status = answer["status"]
            sale.out_trade_no = answer["out_trade_no"]
            sale.payment_id = answer["payment_id"]

    async def _ask(
        self, session: aiohttp.ClientSession, device: Device, path: str, body: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        raw = json.dumps(body).encode()
        try:
            async with session.post(
                self._public + path, data=raw, headers=signed_headers(device, "POST", path, raw)
            ) as answer:
                text = await answer.read()
                if answer.status == 200:
                    found: dict[str, Any] = json.loads(text)
                    return found
                return None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


_CLOSING = Sale("", "", 0, "", is_cancelled_early=False)
