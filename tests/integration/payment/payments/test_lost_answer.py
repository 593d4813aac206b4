"""The connection breaks after the commit of a batch and before its answer (F18)."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from services.payment.payments import service, store
from services.payment.snapshot import State
from services.payment.writes import Writes
from shared.db import Database
from tests.integration.payment.conftest import face_code, sale
from tests.integration.payment.egress import PAY
from tests.integration.payment.payments.test_batches import ROWS, statements

pytestmark = pytest.mark.asyncio


class Wire:
    """The way to the database. After `cut_next` the next answer of the server is lost, and with it
    its connection."""

    def __init__(self, port):
        self._port = port
        self._is_to_cut = False
        self.cuts = 0

    def cut_next(self):
        self._is_to_cut = True

    async def serve(self, reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer, is_answer=True))

    async def _pass(self, source, sink, *, is_answer=False):
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if is_answer and self._is_to_cut:
                    self._is_to_cut, self.cuts = False, self.cuts + 1
                    break
                sink.write(data)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def over(wire, shop):
    """The service's dependencies with a database behind the wire."""
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    place = shop.place
    app, system = (
        url.replace(f":{place.port}/", f":{port}/") for url in (place.app_url, place.system_url)
    )
    db = Database(app, system, pool_size=6, name="payment-wire")
    await db.open()
    try:
        yield replace(shop.deps, db=db, writes=Writes(db), paying={})
    finally:
        await db.close()
        server.close()


async def test_each_payment_of_the_batch_is_found_and_charged_once(shop, till):
    wire = Wire(shop.place.port)
    others = [till, await shop.till()]
    async with over(wire, shop) as deps:
        # The statement is prepared now: so the next answer on its connection is that to a commit.
        warm = (sale(shop, others[number % 2]) for number in range(12))
        await asyncio.gather(*(store.submit(deps.writes, new) for new in warm))
        rows, before = await shop.place.value(ROWS), statements("payment_submit")
        news = [sale(shop, others[number % 2]) for number in range(12)]
        wire.cut_next()
        payments = await asyncio.gather(
            *(service.start_payment(deps, new, face_code(), None) for new in news)
        )
    assert wire.cuts == 1
    assert statements("payment_submit") == (before[0] + 1, before[1] + 12)
    assert await shop.place.value(ROWS) == rows + 12
    assert [payment.payment_id for payment in payments] == [new.payment_id for new in news]
    assert {payment.state for payment in payments} == {State.SUCCESS}
    assert shop.egress.calls[PAY] == 12
    assert set(shop.egress.captured()) == {new.out_trade_no for new in news}
