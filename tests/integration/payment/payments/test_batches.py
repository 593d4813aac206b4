"""Payments that wait together are written by one statement, and yet each stands for itself."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from prometheus_client import REGISTRY

from services.payment import writes
from services.payment.payments import store
from services.payment.payments.rules import Decision
from services.payment.snapshot import State
from shared.errors import Unavailable
from shared.ids import uuid7
from tests.integration.payment.conftest import sale
from tests.integration.payment.egress import PAY

pytestmark = pytest.mark.asyncio

ROWS = "SELECT count(*) FROM payments"
LOCKED = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def statements(name):
    """How many statements of this name there were, and how many rows they wrote."""
    labels = {"statement": name}
    return tuple(
        int(REGISTRY.get_sample_value(f"payment_batch_rows_{what}", labels) or 0)
        for what in ("count", "sum")
    )


async def submitted(shop, *news):
    """What each submit answers, or raises."""
    jobs = [store.submit(shop.deps.writes, new) for new in news]
    return await asyncio.gather(*jobs, return_exceptions=True)


async def locked(shop, count=1, *, within_s=10):
    """Waits until so many statements wait for a lock; the processes of all that do."""
    async with asyncio.timeout(within_s):
        while len(waiting := await shop.place.fetch(LOCKED)) < count:
            await asyncio.sleep(0.005)
    return [row["pid"] for row in waiting]


async def changes(shop, news, state=State.PAYING):
    """For each stored payment a change to `state`."""
    found = [await store.load(shop.deps.db, new.tenant_id, new.payment_id) for new in news]
    return [
        store.PaymentChange.of(payment, Decision(state, poll_s=3.0), side_id=uuid7(shop.deps.clock))
        for payment in found
    ]


async def test_what_waits_goes_together(shop, till):
    """Of two merchants, in one statement: each row is its own merchant's, and none is written by
    another statement."""
    stranger = await shop.till()
    news = [sale(shop, one) for _ in range(20) for one in (till, stranger)]
    before = statements("payment_submit")
    found = await submitted(shop, *news)
    assert [verdict for verdict, _ in found] == ["created"] * 40
    assert [payment.payment_id for _, payment in found] == [new.payment_id for new in news]
    assert [payment.tenant_id for _, payment in found] == [new.tenant_id for new in news]
    count, rows = (
        now - then for now, then in zip(statements("payment_submit"), before, strict=True)
    )
    assert (count, rows) == (1, 40)
    for one in (till, stranger):
        rows = await shop.place.fetch(
            "SELECT DISTINCT device_id, store_id FROM payments WHERE tenant_id = $1", one.tenant_id
        )
        assert [tuple(row) for row in rows] == [(one.device_id, one.store_id)]


async def test_one_at_a_time_waits_for_nobody(shop, till):
    before = statements("payment_submit")
    for _ in range(3):
        [(verdict, _)] = await submitted(shop, sale(shop, till))
        assert verdict == "created"
    count, rows = (
        now - then for now, then in zip(statements("payment_submit"), before, strict=True)
    )
    assert (count, rows) == (3, 3)


async def test_one_that_the_database_refuses_hurts_no_other(shop, till):
    """A broken rule of the table, and a text that no database takes: the first is refused by its
    row, the second refuses the whole statement."""
    for poison in ({"stored_value_fen": -1}, {"subject": "tea\0"}, {"total_fen": 2**70}):
        news = [sale(shop, till) for _ in range(63)]
        rows = await shop.place.value(ROWS)
        *good, bad = await submitted(shop, *news, sale(shop, till, **poison))
        assert [verdict for verdict, _ in good] == ["created"] * 63, poison
        assert isinstance(bad, asyncpg.PostgresError | asyncpg.InterfaceError), poison
        assert await shop.place.value(ROWS) == rows + 63
    with pytest.raises(asyncpg.CheckViolationError):
        await store.submit(shop.deps.writes, sale(shop, till, stored_value_fen=-1))


async def test_a_refused_row_keeps_nothing_of_itself(shop, till):
    """Its nonce neither: the device may send the same request again."""
    bad = sale(shop, till, stored_value_fen=-1)
    await submitted(shop, sale(shop, till), bad)
    nonces = await shop.place.fetch("SELECT nonce FROM device_nonces")
    assert bad.nonce not in {row["nonce"] for row in nonces}
    [(verdict, _)] = await submitted(shop, replace(bad, stored_value_fen=0))
    assert verdict == "created"


async def test_the_same_request_twice_in_one_batch_is_one_payment(shop, till):
    first = sale(shop, till)
    again = replace(first, payment_id=uuid7(shop.deps.clock), nonce=secrets.token_hex(16))
    # Sorted last: the rows of a batch are written by request.
    replayed = sale(shop, till, nonce=first.nonce, pay_request_id="z")
    found = await submitted(shop, first, again, replayed)
    assert sorted(verdict for verdict, _ in found) == ["created", "existing", "nonce_replayed"]
    assert {payment.payment_id for _, payment in found if payment} == {found[0][1].payment_id}
    assert await shop.place.value(ROWS) == 1


async def test_a_row_that_another_holds_delays_no_other(shop, till, monkeypatch):
    """Its payment is locked; the other changes of its batch are there before the lock is gone."""
    monkeypatch.setattr(writes, "ALONE_LOCK_MS", 9_000)
    news = [sale(shop, till) for _ in range(8)]
    await submitted(shop, *news)
    moves = await changes(shop, news)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(
            "SELECT FROM payments WHERE payment_id = $1 FOR UPDATE", news[3].payment_id
        )
        jobs = [asyncio.ensure_future(store.move(shop.deps.writes, move)) for move in moves]
        others = jobs[:3] + jobs[4:]
        moved = await asyncio.wait_for(asyncio.gather(*others), 5)
        assert [payment.state for payment in moved] == [State.PAYING] * 7
        await locked(shop)
        assert not jobs[3].done()
        await transaction.rollback()
        assert (await jobs[3]).state is State.PAYING
    finally:
        await holder.close()


async def test_the_locks_of_one_merchant_leave_connections_to_the_others(shop, till, monkeypatch):
    """More of its rows are locked than the pool has connections; each of them waits alone."""
    monkeypatch.setattr(writes, "ALONE_LOCK_MS", 9_000)
    monkeypatch.setattr(writes, "WAIT_MAX_S", 60.0)
    stranger = await shop.till()
    held = [sale(shop, till) for _ in range(20)]
    free = [sale(shop, stranger) for _ in range(8)]
    await submitted(shop, *held, *free)
    waiting, moves = await changes(shop, held), await changes(shop, free)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM payments WHERE tenant_id = $1 FOR UPDATE", till.tenant_id)
        jobs = [asyncio.ensure_future(store.move(shop.deps.writes, move)) for move in waiting]
        await locked(shop, 4)
        others = (store.move(shop.deps.writes, move) for move in moves)
        moved = await asyncio.wait_for(asyncio.gather(*others), 5)
        assert [payment.state for payment in moved] == [State.PAYING] * 8
        assert len(await locked(shop)) == 4
        assert not any(job.done() for job in jobs)
        await transaction.rollback()
        assert {payment.state for payment in await asyncio.gather(*jobs)} == {State.PAYING}
    finally:
        await holder.close()


POISONS = ({"state": "NONSENSE"}, {"reason": "tea\0"}, {"key_version": 2**40})


@pytest.mark.parametrize("poison", POISONS)
async def test_a_change_that_the_database_refuses_hurts_no_other(shop, till, poison):
    """Among 64 of three merchants: refused by its row, by the whole statement, by the driver."""
    tills = [till, await shop.till(), await shop.till()]
    news = [sale(shop, tills[number % 3]) for number in range(64)]
    await submitted(shop, *news)
    moves = await changes(shop, news)
    moves[40] = replace(moves[40], **poison)
    before = statements("payment_move")
    jobs = (store.move(shop.deps.writes, move) for move in moves)
    found = await asyncio.gather(*jobs, return_exceptions=True)
    bad = found.pop(40)
    assert isinstance(bad, asyncpg.PostgresError | asyncpg.InterfaceError), bad
    assert statements("payment_move") == (before[0] + 1, before[1] + 64)
    for new, payment in zip(news[:40] + news[41:], found, strict=True):
        assert (payment.payment_id, payment.tenant_id) == (new.payment_id, new.tenant_id)
        assert (payment.state, payment.version) == (State.PAYING, 2)
    left = await shop.row(news[40].payment_id)
    assert (left["state"], left["version"]) == ("SUBMITTED", 1)


async def test_the_time_for_the_channel_begins_after_the_wait_for_a_lock(shop, till, monkeypatch):
    """Else the pay request could still be on its way when a cancel that finds nothing is final."""
    monkeypatch.setattr(writes, "LOCK_MS", 9_000)
    new = sale(shop, till)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(
            "INSERT INTO device_nonces (tenant_id, device_id, nonce) VALUES ($1, $2, $3)",
            new.tenant_id, new.device_id, new.nonce,
        )  # fmt: skip
        submit = asyncio.ensure_future(store.submit(shop.deps.writes, new))
        await locked(shop)
        locked_at = await holder.fetchval("SELECT clock_timestamp()")
        await transaction.rollback()
        _, payment = await submit
    finally:
        await holder.close()
    assert payment.pay_open_until - timedelta(seconds=new.open_s) >= locked_at
    assert payment.next_poll_at - timedelta(seconds=new.poll_s) >= locked_at


async def test_a_row_that_stays_locked_is_busy(shop, till):
    news = [sale(shop, till), sale(shop, till)]
    await submitted(shop, *news)
    moves = await changes(shop, news)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        async with holder.transaction():
            await holder.execute(
                "SELECT FROM payments WHERE payment_id = $1 FOR UPDATE", news[0].payment_id
            )
            jobs = (store.move(shop.deps.writes, move) for move in moves)
            held, free = await asyncio.gather(*jobs, return_exceptions=True)
    finally:
        await holder.close()
    assert isinstance(held, Unavailable)
    assert free.state is State.PAYING


async def test_a_lock_on_the_table_is_waited_for_once(shop, till, monkeypatch):
    """Not once for each of 64 rows: that would outlast the statement's own limit. The batch gives
    its rows up, so they wait side by side."""
    monkeypatch.setattr(writes, "ALONE_LOCK_MS", 9_000)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE payments IN SHARE MODE")
            news = [sale(shop, till) for _ in range(64)]
            jobs = asyncio.ensure_future(submitted(shop, *news))
            await locked(shop, 4, within_s=8)
    finally:
        await holder.close()
    assert {verdict for verdict, _ in await jobs} == {"created"}


async def test_nobody_waits_without_end(shop, till, monkeypatch):
    monkeypatch.setattr(writes, "WAIT_MAX_S", 0.3)
    monkeypatch.setattr(writes, "LOCK_MS", 6_000)
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE payments IN SHARE MODE")
            found = await asyncio.wait_for(submitted(shop, sale(shop, till), sale(shop, till)), 5)
    finally:
        await holder.close()
    assert [type(one) for one in found] == [Unavailable, Unavailable]


async def test_changes_of_one_payment_in_one_batch_are_made_once(shop, till):
    """Compare-and-swap, also among the rows of one statement."""
    new = sale(shop, till)
    await submitted(shop, new)
    [move] = await changes(shop, [new])
    before = statements("payment_move")
    moved = await asyncio.gather(*(store.move(shop.deps.writes, move) for _ in range(6)))
    assert statements("payment_move")[0] == before[0] + 1
    assert sum(payment is not None for payment in moved) == 1
    assert (await shop.row(new.payment_id))["version"] == 2


async def test_batches_that_cross_do_not_stop_each_other(shop, till):
    """Two processes with the same rows in any order: nobody is killed for a deadlock."""
    news = [sale(shop, till) for _ in range(24)]
    await submitted(shop, *news)
    moves = await changes(shop, news)
    other = type(shop.deps.writes)(shop.deps.db)
    both = [
        store.move(own, move)
        for own, listed in ((shop.deps.writes, moves), (other, moves[::-1]))
        for move in listed
    ]
    moved = await asyncio.wait_for(asyncio.gather(*both), 10)
    assert sum(payment is not None for payment in moved) == len(news)
    versions = await shop.place.fetch("SELECT DISTINCT version FROM payments")
    assert [row["version"] for row in versions] == [2]


async def test_a_lost_connection_leaves_each_unknown_and_each_is_found(shop, till, monkeypatch):
    """F18: the statement's connection is killed while it waits: nothing was committed, every
    request gets 503, and each may be sent again; nobody was asked for money."""
    monkeypatch.setattr(writes, "LOCK_MS", 9_000)
    holder = await asyncpg.connect(shop.place.owner_url)
    bodies = [till.body() for _ in range(12)]
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE payments IN SHARE MODE")
            jobs = [asyncio.ensure_future(till.post(body)) for body in bodies]
            for pid in await locked(shop):
                await shop.place.fetch("SELECT pg_terminate_backend($1)", pid)
        answers = await asyncio.gather(*jobs)
    finally:
        await holder.close()
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert 503 in {answer.status_code for answer in answers}
    again = await asyncio.gather(*(till.post(body) for body in bodies))
    assert {answer.json()["status"] for answer in again} == {"paid"}
    assert await shop.place.value(ROWS) == len(bodies)
    assert shop.egress.calls[PAY] == len(bodies)
    assert await shop.broken() == {}
