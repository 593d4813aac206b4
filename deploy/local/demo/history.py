"""Gives the demo merchant a history: the wizard's steps, two more stores, and some days of sales
with refunds, refusals and one answer that was lost.

All of it goes through the interfaces that everybody uses: devices enrol and sign, the owner signs
in at the console, the sandbox answers what it is asked. Past days are played on the platform under
a clock of the past (`past_platform`). It runs beside the ready stack. If it is interrupted, it runs
again at the next start with the same ids, so nothing is done twice.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from typing import Any

import aiohttp

from deploy.local import secrets
from deploy.local.demo import merchant
from deploy.local.demo.console_client import ConsoleClient, ConsoleRefused
from deploy.local.demo.past_clock import PastClock
from deploy.local.demo.past_platform import platform
from deploy.local.demo.sales import Sale, days_before, steps
from deploy.local.demo.wizard import set_up
from deploy.local.layout import Layout
from deploy.local.processes import public_url
from deploy.sandbox.dragonfly.device import Device, enrol
from shared import telemetry

STORES = ("江滨路店 Riverside", "大学城店 Campus")
"""beside the first one"""
MODEL = "D4S"
OPENED_BEFORE = timedelta(hours=1)
STORE_TIMEOUT_S, POLL_S = 15.0, 0.2
PAYMENT_TIMEOUT_S = 120.0
"""A sale that a stop of the stack met between its booking and Alipay is settled at its deadline, a
minute later."""
NICENESS = 10
"""niceness: the console's requests come first"""


def run(layout: Layout, admin: str) -> None:
    """One run; the supervisor remembers that it has finished."""
    os.nice(NICENESS)
    telemetry.configure("lively", "WARNING")
    asyncio.run(_run(layout, admin))


async def _run(layout: Layout, admin: str) -> None:
    made = merchant.known(layout)
    wanted = merchant.sales_history(layout)
    sales = list(days_before(wanted.until, wanted.days, 1 + len(STORES)))
    async with aiohttp.ClientSession() as http:
        owner = (made["owner"]["login"], made["owner"]["password"])
        if sales:
            clock = PastClock(sales[0].at - OPENED_BEFORE)
            async with platform(layout, clock) as public, _backdated(http, admin):
                seller = _Seller(http, layout, admin, public, clock, owner)
                await seller.open_stores(made["store_id"])
                for step in steps(sales, wanted.until):
                    clock.forward(step.at.astimezone(UTC))
                    await (seller.refund if step.is_refund else seller.sell)(step.sale)
        async with ConsoleClient(http, public_url(layout), *owner) as console:
            await set_up(console, http, admin, merchant.APP_ID, layout.device_file)


@asynccontextmanager
async def _backdated(http: aiohttp.ClientSession, admin: str) -> AsyncIterator[None]:
    """The sandbox carries out the demo app's requests at the time in them."""
    await _post(http, f"{admin}/backdating", {"app_id": merchant.APP_ID, "on": True})
    try:
        yield
    finally:
        await _post(http, f"{admin}/backdating", {"app_id": merchant.APP_ID, "on": False})


async def _post(http: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Any:
    async with http.post(url, json=body) as answer:
        answer.raise_for_status()
        return await answer.json()


class _Seller:
    """The merchant's stores on those days."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        layout: Layout,
        admin: str,
        public: str,
        clock: PastClock,
        owner: tuple[str, str],
    ) -> None:
        self._http, self._admin, self._public, self._clock = http, admin, public, clock
        self._owner = owner
        self._secret = secrets.password(layout.secrets, "demo-buyers")
        self._devices: list[Device] = []
        self._paid: dict[str, str] = {}
        """payment_id by the sale's name"""

    def _console(self) -> ConsoleClient:
        return ConsoleClient(self._http, self._public, *self._owner)

    async def open_stores(self, first: str) -> None:
        """Each store with a device of its own; those that are there already are found again."""
        async with self._console() as console:
            page = await console.request("GET", "/stores?page_size=100")
            known = {store["name"]: store["store_id"] for store in page["items"]}
            for name in STORES:
                if name not in known:
                    made = await console.request("POST", "/stores", {"name": name})
                    known[name] = made["store_id"]
            places = [first, *(known[name] for name in STORES)]
            for number, store_id in enumerate(places, start=2):
                sn = f"{merchant.SN[:-1]}{number}"
                code = await self._code(console, store_id, sn)
                identity = await enrol(self._public, code, sn, MODEL)
                now = lambda: self._clock.now().timestamp()  # noqa: E731
                self._devices.append(Device(identity, session=self._http, now=now))

    async def _code(self, console: ConsoleClient, store_id: str, sn: str) -> str:
        """An enrolment code, tried again: a new store reaches the device service by event."""
        deadline = time.monotonic() + STORE_TIMEOUT_S
        while True:
            try:
                body = {"store_id": store_id, "sn": sn}
                return str((await console.request("POST", "/devices/codes", body))["code"])
            except ConsoleRefused as refused:
                if refused.code != "device.unknown_store" or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(POLL_S)

    async def sell(self, sale: Sale) -> None:
        """One payment, to its end."""
        code = sale.code(self._secret)
        async with self._ending(sale, code):
            paid = await self._devices[sale.store].pay(
                sale.amount_fen, code, subject=sale.subject,
                pay_request_id=sale.name, give_up_s=PAYMENT_TIMEOUT_S,
            )  # fmt: skip
        if paid["status"] == "paid":
            self._paid[sale.name] = paid["payment_id"]

    async def refund(self, sale: Sale) -> None:
        """What is given back of it; nothing if it was not paid."""
        payment_id = self._paid.get(sale.name)
        if payment_id is None:
            return
        body = {
            "refund_request_id": f"{sale.name}-r",
            "amount_fen": sale.refund_fen,
            "reason": sale.reason,
        }
        async with self._console() as console:
            await console.request("POST", f"/payments/{payment_id}/refunds", body)

    @asynccontextmanager
    async def _ending(self, sale: Sale, code: str) -> AsyncIterator[None]:
        """Chooses the outcome of this sale alone, also where it is to be paid: a person at the test
        cashier may choose the outcome of the app's next payment at the same time."""
        own, url = {"app_id": merchant.APP_ID, "auth_code": code}, f"{self._admin}/outcomes"
        await _post(self._http, url, {**own, "outcome": sale.ending})
        try:
            yield
        finally:
            async with self._http.delete(url, params=own) as answer:
                answer.raise_for_status()
