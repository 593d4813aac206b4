"""The kit delivers the notifies of a platform that is not Alipay: JSON, acknowledged by 204."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from deploy.sandbox.kit import clock, notifies
from deploy.sandbox.kit.delivery import KINDS, Delivery
from deploy.sandbox.kit.faults import Catalogue, Faults, Triggered
from deploy.sandbox.kit.ledger import Ledger, Tx
from deploy.sandbox.kit.post import Answer
from tests.unit.sandbox_kit.waiting import until

ROOT = Path(__file__).parents[3]
CATALOGUE = Catalogue(KINDS, only_for={}, above_fen={}, check_args=lambda args: None)


class OtherPlatform:
    content_type = "application/json"
    user_agent = "other"
    resends_ms = (15_000, 15_000)
    on_first = frozenset(KINDS)
    on_resend = frozenset({"notify_slow"})

    def knows(self, app_id: str) -> bool:
        return app_id == "shop"

    def body(self, row: sqlite3.Row, triggered: Triggered) -> bytes:
        return json.dumps({"id": row["notify_id"], "event": json.loads(row["fields"])}).encode()

    def is_acknowledgement(self, answer: Answer) -> bool:
        return answer.status == 204


class Shop:
    """A receiver that answers with the next of `statuses`, then with 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[tuple[str, dict[str, object]]] = []
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.received.append((request.headers["Content-Type"], await request.json()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    runner = web.ServerRunner(web.Server(shop.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield shop
    await runner.cleanup()


@asynccontextmanager
async def running(folder: Path, faults: Faults) -> AsyncIterator[tuple[Ledger, Delivery]]:
    ledger = Ledger(folder, notifies.SCHEMA, lambda connection: None)
    delivery = Delivery(ledger, faults, OtherPlatform())
    ledger.make_tx = lambda c: Tx(c, clock.now_ms(), delivery.clock.now())
    ledger.after_commit = lambda tx: [delivery.expect(one) for one in tx.notifies] and None
    tasks = [asyncio.create_task(part.run()) for part in (ledger, delivery)]
    try:
        yield ledger, delivery
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        ledger.close()


async def enqueue(ledger: Ledger, shop: Shop, notify_id: str, app_id: str = "shop") -> None:
    fields = {"paid": "1.00"}
    await ledger.do(
        lambda tx: notifies.enqueue(tx, notify_id, app_id, "A", "pay", shop.url, fields)
    )


def states(ledger: Ledger) -> dict[str, str]:
    return {row["notify_id"]: row["state"] for row in ledger.read("SELECT * FROM notifies")}


@pytest.mark.asyncio
async def test_it_is_sent_as_its_platform_writes_it_until_acknowledged(
    tmp_path: Path, shop: Shop
) -> None:
    shop.statuses = [200]
    async with running(tmp_path, Faults(CATALOGUE)) as (ledger, delivery):
        await enqueue(ledger, shop, "n1")
        await until(lambda: len(shop.received) == 1)
        assert states(ledger) == {"n1": "due"}
        await delivery.set_scale(1e6)
        await until(lambda: states(ledger) == {"n1": "done"})
    sent = ("application/json", {"id": "n1", "event": {"paid": "1.00"}})
    assert shop.received == [sent, sent]


@pytest.mark.asyncio
async def test_it_is_given_up_after_the_last_resend_of_its_platform(
    tmp_path: Path, shop: Shop
) -> None:
    shop.statuses = [500, 500, 500]
    async with running(tmp_path, Faults(CATALOGUE)) as (ledger, delivery):
        await delivery.set_scale(1e6)
        await enqueue(ledger, shop, "n1")
        await until(lambda: states(ledger) == {"n1": "gave_up"})
    assert len(shop.received) == 3


@pytest.mark.asyncio
async def test_a_fault_is_triggered_and_an_unknown_receiver_gets_nothing(
    tmp_path: Path, shop: Shop
) -> None:
    faults = Faults(CATALOGUE)
    faults.add({"fault": "notify_twice", "times": 1})
    async with running(tmp_path, faults) as (ledger, _):
        await enqueue(ledger, shop, "n0", app_id="nobody")
        await enqueue(ledger, shop, "n1")
        await until(lambda: states(ledger)["n1"] == "done")
        assert states(ledger)["n0"] == "due"
    assert [body["id"] for _, body in shop.received] == ["n1", "n1"]


def test_the_kit_names_no_platform() -> None:
    kit = ROOT / "deploy" / "sandbox" / "kit"
    named = re.compile("alipay|wechat|weixin|isv|sub_code", re.IGNORECASE)
    assert [path.name for path in kit.glob("*.py") if named.search(path.read_text("utf-8"))] == []
