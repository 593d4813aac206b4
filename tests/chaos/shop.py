"""Counters that keep selling while things break: Dragonfly devices that keep a journal.

A sale has one pay_request_id. Whatever happens (no response, 5xx, a restart in between), the device
repeats the request with the same id until it receives a final state, and only then starts the next
sale. Some buyers show a code instead of their face; some draw; some get a refund.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from deploy.sandbox.dragonfly.device import PAYMENTS, TERMINAL, Device, DeviceError, Identity
from tests.bench.load import face_code
from tests.chaos.errands import DRAW_SHARE, REFUND_SHARE, Owner, Refund, draw_twice

GIVE_UP_S = 600.0
"""Longer than any run needs to recover: a sale that gives up is stuck, which the judge reports."""
CANCEL_SHARE = 0.03
CANCEL_WITHIN_S = 0.4
CODE_SHARE = 0.3
DIGITS = "0123456789"


@dataclass
class Sale:
    """One line of a device's journal."""

    pay_request_id: str
    amount_fen: int
    auth_code: str
    is_cancelled_early: bool
    device_id: str = ""
    status: str = "new"
    out_trade_no: str = ""
    payment_id: str = ""
    seconds: float = 0.0
    draws: list[dict[str, Any]] = field(default_factory=list)
    """the response to each draw request of the device"""
    refunds: list[Refund] = field(default_factory=list)
    is_left_alone: bool = False
    """everything planned for this sale has happened"""

    @property
    def is_final(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_over(self) -> bool:
        """Whether it is final with all that follows, or was refused as no device should be."""
        return self.is_left_alone or self.status.startswith("refused")


class Shop:
    """All devices together sell `payments` times at a steady pace, and more in bursts."""

    def __init__(
        self,
        devices: Sequence[Identity],
        owner: Owner,
        *,
        payments: int,
        pace: float,
        seed: int,
    ) -> None:
        self._devices = devices
        self._owner = owner
        self._payments = payments
        self._pace = pace
        self._rng = random.Random(seed)
        self.journal: list[Sale] = []
        self.numbers: list[str] = []
        """out_trade_no of the sales that have ended"""
        self.burst_sales = 0
        """sales of bursts; these are not among `payments`"""
        self._tickets: asyncio.Queue[Sale | None] = asyncio.Queue()
        self._idle = 0
        """devices that wait for a sale"""
        self.stop_selling = asyncio.Event()
        """No new sale after this; sales that have begun go on until they are final."""

    @property
    def steady_sales(self) -> int:
        """Sales at the steady pace that have begun."""
        return len(self.journal) - self.burst_sales

    def burst(self) -> None:
        """One more sale for each device that waits for one, at the same moment."""
        if self.stop_selling.is_set():
            return
        for _ in range(self._idle - self._tickets.qsize()):
            self.burst_sales += 1
            self._tickets.put_nowait(self._sale())

    async def run(self) -> None:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            asyncio.TaskGroup() as group,
        ):
            for identity in self._devices:
                device = Device(identity, session=session)
                group.create_task(self._counter(device, group))
            for _ in range(self._payments):
                if self.stop_selling.is_set():
                    break
                self._tickets.put_nowait(self._sale())
                await asyncio.sleep(self._rng.expovariate(self._pace))
            for _ in self._devices:
                self._tickets.put_nowait(None)

    def _sale(self) -> Sale:
        is_code = self._rng.random() < CODE_SHARE
        code = "28" + "".join(self._rng.choices(DIGITS, k=16)) if is_code else face_code(self._rng)
        return Sale(
            pay_request_id=f"c{self._rng.getrandbits(96):024x}",
            amount_fen=self._rng.randint(1, 99_999),
            auth_code=code,
            is_cancelled_early=self._rng.random() < CANCEL_SHARE,
        )

    async def _ticket(self) -> Sale | None:
        self._idle += 1
        try:
            return await self._tickets.get()
        finally:
            self._idle -= 1

    async def _counter(self, device: Device, group: asyncio.TaskGroup) -> None:
        while (sale := await self._ticket()) is not None:
            sale.device_id = device.identity.device_id
            self.journal.append(sale)
            started = time.monotonic()
            jobs = [self._sell(device, sale)]
            if sale.is_cancelled_early:
                jobs.append(self._cancel_soon(device, sale))
            await asyncio.gather(*jobs)
            sale.seconds = time.monotonic() - started
            if sale.out_trade_no:
                self.numbers.append(sale.out_trade_no)
            # The next sale does not wait for this one's draw or refund.
            group.create_task(self._afterwards(device, sale))

    async def _afterwards(self, device: Device, sale: Sale) -> None:
        wants_draw, wants_refund = self._rng.random() < DRAW_SHARE, self._rng.random()
        if sale.status == "paid" and wants_draw:
            sale.draws = await draw_twice(device, sale.payment_id)
        if sale.status == "paid" and wants_refund < REFUND_SHARE:
            await self._owner.refund(sale.payment_id, sale.amount_fen, sale.refunds)
        sale.is_left_alone = True

    async def _sell(self, device: Device, sale: Sale) -> None:
        try:
            response = await device.pay(
                sale.amount_fen,
                sale.auth_code,
                subject="chaos",
                pay_request_id=sale.pay_request_id,
                give_up_s=GIVE_UP_S,
            )
        except DeviceError as error:
            sale.status = f"refused {error}"
        else:
            _note(sale, response)

    async def _cancel_soon(self, device: Device, sale: Sale) -> None:
        """A clerk cancels while the payment is under way: cancel and success race."""
        await asyncio.sleep(self._rng.uniform(0.0, CANCEL_WITHIN_S))
        try:
            await device.request("POST", f"{PAYMENTS}/{sale.pay_request_id}/cancel", b"{}")
        except (DeviceError, aiohttp.ClientError, TimeoutError, OSError):
            return  # the platform was away, or the payment had not begun: the sale goes on


def _note(sale: Sale, response: dict[str, Any]) -> None:
    sale.status = response["status"]
    sale.out_trade_no = response["out_trade_no"]
    sale.payment_id = response["payment_id"]
