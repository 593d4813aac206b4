"""Ordinary payments of one merchant share one write (ADR 39), each as if written by itself."""

import asyncio
import secrets
from dataclasses import fields, replace
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from services.payment import writes as rows_together
from services.payment.payments import repo, store
from services.payment.payments.rules import Decision
from services.payment.snapshot import NewPayment, State
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import MerchantSuspended
from shared.ids import uuid7
from shared.standings import note_standings
from tests.integration.payment.conftest import APP_ID, sale
from tests.integration.payment.notices.test_notices import notice
from tests.integration.payment.payments.test_batches import locked, statements, submitted

pytestmark = pytest.mark.asyncio

WRITES = "SELECT tenant_id, count(DISTINCT xmin::text) AS writes FROM {} GROUP BY tenant_id"
"""Each row that is written by itself has a subtransaction of its own, whose number is its xmin."""
ORDINARY = 6
OWN = {"payment_id", "pay_request_id", "request_hash", "out_trade_no", "device_id", "order_ref"}
"""what differs between two payments that are told the same"""
NEAR = timedelta(seconds=8)
LATE = {"state": "UNKNOWN", "poll_s": 25.0, "reason_code": "LATE"}
"""of a payment whose deadline has passed"""


async def writes(shop, table):
    """How many writes the rows of each tenant came with."""
    return {row["tenant_id"]: row["writes"] for row in await shop.place.fetch(WRITES.format(table))}


def event(shop, of, kind="payment.succeeded"):
    at = shop.deps.clock.now()
    name = str(of.payment_id)
    return of.tenant_id, uuid7(shop.deps.clock), "payment.events", name, kind, b"{}", at


async def told(shop, payment):
    """How many events of this payment there are."""
    query = "SELECT count(*) FROM outbox WHERE key = $1"
    [row] = await shop.place.fetch(query, str(payment.payment_id))
    return row["count"]


async def moved(shop, changes, *, has_events=False):
    """What each change answers, all in one batch."""
    before = statements("payment_move")
    jobs = (
        store.move(shop.deps.writes, change, event(shop, change) if has_events else None)
        for change in changes
    )
    found = await asyncio.gather(*jobs)
    count, rows = (a - b for a, b in zip(statements("payment_move"), before, strict=True))
    assert (count, rows) == (1, len(changes))
    return found


def change(shop, payment, **members):
    made = store.PaymentChange.of(
        payment, Decision(State.PAYING, poll_s=3.0), side_id=uuid7(shop.deps.clock)
    )
    return replace(made, **members)


async def stored(shop, news):
    """The payments, written one by one."""
    found = []
    for new in news:
        [(verdict, payment)] = await submitted(shop, new)
        assert verdict == "created"
        found.append(payment)
    return found


def differences_of(one, other):
    """How two rows differ: times may by a little, their own names by all."""
    differences = {}
    for name in set(one.keys()) - OWN:
        a, b = one[name], other[name]
        if isinstance(a, datetime) and isinstance(b, datetime):
            is_same = abs(a - b) < NEAR
        else:
            is_same = a == b
        if not is_same:
            differences[name] = a, b
    return differences


async def test_the_rows_of_a_merchant_are_written_together(shop, till):
    """Those of each of three merchants in one statement; a pair is not worth it."""
    tills = {till: ORDINARY, await shop.till(): 4, await shop.till(): 2}
    news = [sale(shop, one) for one, count in tills.items() for _ in range(count)]
    found = await submitted(shop, *news[::-1])
    assert [payment.payment_id for _, payment in found] == [new.payment_id for new in news[::-1]]
    wanted = {one.tenant_id: 2 if count == 2 else 1 for one, count in tills.items()}
    assert await writes(shop, "payments") == await writes(shop, "device_nonces") == wanted
    changes = [change(shop, payment) for _, payment in found]
    answered = await moved(shop, changes, has_events=True)
    assert [payment.payment_id for payment in answered] == [one.payment_id for one in changes]
    assert {payment.version for payment in answered} == {2}
    assert await writes(shop, "payments") == await writes(shop, "outbox") == wanted
    keys = await shop.place.fetch("SELECT key, tenant_id FROM outbox")
    assert {(row["key"], row["tenant_id"]) for row in keys} == {
        (str(one.payment_id), one.tenant_id) for one in changes
    }


async def test_what_is_written_together_is_as_if_written_alone(shop, till):
    """Each kind of payment twice: one in a batch, its twin by itself."""
    other = await shop.till(tenant_id=till.tenant_id)
    async with shop.deps.db.pg(None) as pg:
        disabled = shop.bound(till.tenant_id, app_id="2021000000000002", enabled=False)
        await repo.upsert_apps(pg, [disabled])
    kinds = [
        {},
        {"nonce": None},
        {"order_ref": "A-1"},
        {"scene": "code", "created_at": shop.deps.clock.now() - timedelta(minutes=2)},
        {"store_id": other.store_id, "is_own_store": False},
        {"total_fen": 5, "payable_fen": 3, "stored_value_fen": 2},
        {"subject": "茶 tea", "deadline_s": 70.0, "open_s": 40.0, "poll_s": 55.0},
    ]
    alone = [sale(shop, till, **kind) for kind in kinds]
    together = [sale(shop, other, store_id=till.store_id) for _ in kinds]
    together = [replace(new, **kind) for new, kind in zip(together, kinds, strict=True)]
    together[2] = replace(together[2], order_ref="B-1")
    await stored(shop, alone)
    found = await submitted(shop, *together)
    assert [verdict for verdict, _ in found] == ["created"] * len(kinds)
    for one, twin, (_, payment) in zip(alone, together, found, strict=True):
        row = await shop.row(twin.payment_id)
        assert differences_of(await shop.row(one.payment_id), row) == {}
        given = {field.name for field in fields(NewPayment)} & set(row.keys())
        assert {name: row[name] for name in given} == {name: getattr(twin, name) for name in given}
        assert {name: getattr(payment, name) for name in store._NAMES} == {
            name: row[name] for name in store._NAMES
        }
    writes_of_batch = await shop.place.fetch(
        "SELECT DISTINCT xmin::text FROM payments WHERE device_id = $1", other.device_id
    )
    assert len(writes_of_batch) == 1


async def test_an_odd_one_gets_its_own_verdict_and_the_others_are_created(shop, till):
    first = sale(shop, till)
    await stored(shop, [first])
    unbound, now = await shop.till(is_bound=False), shop.deps.clock.now()
    odd = {
        "existing": replace(first, payment_id=uuid7(shop.deps.clock), nonce=secrets.token_hex(16)),
        "nonce_replayed": sale(shop, till, nonce=first.nonce),
        "unknown_store": sale(shop, till, store_id=uuid4(), is_own_store=False),
        "order_active": sale(shop, till, order_ref="A-1"),
    }
    await stored(shop, [sale(shop, till, order_ref="A-1")])
    for verdict, new in odd.items():
        news = [sale(shop, till) for _ in range(ORDINARY)]
        *ordinary, (found, payment) = await submitted(shop, *news, new)
        assert found == verdict
        assert (payment and payment.payment_id) == (
            first.payment_id if found == "existing" else None
        )
        assert [one for one, _ in ordinary] == ["created"] * ORDINARY, verdict
    news = [sale(shop, unbound) for _ in range(ORDINARY)]
    assert {verdict for verdict, _ in await submitted(shop, *news)} == {"app_not_bound"}
    suspended = await shop.till()
    async with shop.deps.db.pg(None) as pg:
        members = stamp(suspended.tenant_id, shop.deps.clock)
        await note_standings(pg, [MerchantSuspended(**members)])
    news = [sale(shop, suspended) for _ in range(ORDINARY)]
    assert {verdict for verdict, _ in await submitted(shop, *news)} == {"merchant_suspended"}
    free = sale(
        shop,
        till,
        payable_fen=0,
        stored_value_fen=1207,
        channel="none",
        scene="none",
        created_at=now,
    )
    jobs = [store.submit(shop.deps.writes, new) for new in (sale(shop, till), sale(shop, till))]
    jobs.append(store.submit(shop.deps.writes, free, event(shop, free)))
    assert [verdict for verdict, _ in await asyncio.gather(*jobs)] == ["created"] * 3
    assert await shop.state(free.payment_id) == "SUCCESS"
    assert await shop.place.value("SELECT count(*) FROM outbox") == 1


async def test_each_change_together_is_as_if_made_alone(shop, till):
    """Of every kind, also those that find another version, another lease or another amount."""
    lease, at = uuid4(), shop.deps.clock.now()
    paid = {
        "state": "SUCCESS", "poll_s": None, "paid_fen": 1207, "trade_no": "20260001",
        "buyer_id": "2088", "buyer_logon_id": "a***", "paid_at": at, "finished_at": at,
    }  # fmt: skip
    kinds = [
        {},
        paid | {"is_pay_ended": True},
        {"state": "UNKNOWN", "key_version": 7, "reason_code": "DOUBT", "reason": "no answer"},
        {"state": "CANCELLING", "poll_s": 600.0},
        {"state": "UNKNOWN", "poll_s": 600.0},
        {"state": "FAILED", "poll_s": None, "finished_at": at, "is_lease_kept": True},
        {"is_lease_kept": True, "lease_token": lease},
        {"state": "SUBMITTED", "poll_s": 20.0},
        LATE,
        {"version": 3},
        {"lease_token": uuid4()},
        paid | {"paid_fen": 1206},
    ]
    payments = await stored(shop, [sale(shop, till) for _ in range(2 * len(kinds))])
    await shop.place.execute(
        "UPDATE payments SET lease_token = $1, attempts = 3, lease_until = now() + interval '90 s',"
        " deadline_at = now() + interval '60 s', pay_open_until = now() + interval '30 s',"
        " trade_no = 'old', buyer_id = 'old', buyer_logon_id = 'old', reason = 'old',"
        " reason_code = 'OLD', cancelling_at = now() - interval '90 s'", lease
    )  # fmt: skip
    late = [payments[kinds.index(LATE)], payments[kinds.index(LATE) + len(kinds)]]
    await shop.place.execute(
        "UPDATE payments SET deadline_at = now() - interval '60 s', cancelling_at = NULL"
        " WHERE payment_id = ANY ($1)", [payment.payment_id for payment in late]
    )  # fmt: skip
    alone, together = payments[: len(kinds)], payments[len(kinds) :]
    changes = [change(shop, one, **kind) for one, kind in zip(together, kinds, strict=True)]
    answered = await moved(shop, changes, has_events=True)
    assert [payment is not None for payment in answered] == [True] * 9 + [False] * 3
    assert len(await shop.place.fetch("SELECT DISTINCT xmin::text FROM outbox")) == 1
    for one, kind, twin, answer in zip(alone, kinds, together, answered, strict=True):
        made = change(shop, one, **kind)
        found = await store.move(shop.deps.writes, made, event(shop, made))
        assert (found is None) is (answer is None)
        row = await shop.row(twin.payment_id)
        assert differences_of(await shop.row(one.payment_id), row) == {}, kind
        if answer is not None:
            assert {name: getattr(answer, name) for name in store._NAMES} == {
                name: row[name] for name in store._NAMES
            }
        assert [await told(shop, row) for row in (one, twin)] == [int(answer is not None)] * 2


async def test_a_change_with_more_to_write_takes_all_with_it(shop, till):
    """A reversal writes its refund, and so on: such a batch is written row by row."""
    at, ordinary, told_us = shop.deps.clock.now(), {}, notice("of no payment")
    more = [
        {"state": "REVERSED", "poll_s": None, "finished_at": at, "trade_no": "20260001"},
        {"case_kind": "late_success"},
        {"notice_app_id": APP_ID, "notify_id": told_us["notify_id"]},
    ]
    await till.notify(**told_us)
    state = "SELECT state FROM notify_inbox"
    assert await shop.place.value(state) != "APPLIED"
    for odd in more:
        payments = await stored(shop, [sale(shop, till) for _ in range(4)])
        kinds = [ordinary, odd, ordinary, ordinary]
        changes = [change(shop, one, **kind) for one, kind in zip(payments, kinds, strict=True)]
        assert None not in await moved(shop, changes), odd
    assert await shop.place.value("SELECT count(*) FROM refunds") == 1
    assert await shop.place.value("SELECT count(*) FROM payment_cases") == 1
    assert await shop.place.value(state) == "APPLIED"


async def test_no_change_reaches_another_merchants_payment(shop, till):
    stranger = await shop.till()
    [foreign] = await stored(shop, [sale(shop, stranger)])
    own = await stored(shop, [sale(shop, till) for _ in range(4)])
    changes = [change(shop, one) for one in own]
    changes.append(change(shop, foreign, tenant_id=till.tenant_id))
    answered = await moved(shop, changes, has_events=True)
    assert [payment is not None for payment in answered] == [True] * 4 + [False]
    assert (await shop.row(foreign.payment_id))["version"] == 1
    assert await told(shop, foreign) == 0


async def test_pairs_of_several_merchants_go_row_by_row_in_one_statement(shop, till):
    tills = [till] + [await shop.till() for _ in range(5)]
    news = [sale(shop, one) for _ in range(2) for one in tills]
    before = statements("payment_submit")
    found = await submitted(shop, *news)
    assert [payment.payment_id for _, payment in found] == [new.payment_id for new in news]
    assert statements("payment_submit") == (before[0] + 1, before[1] + len(news))
    assert set((await writes(shop, "payments")).values()) == {2}
    changes = [change(shop, payment) for _, payment in found]
    answered = await moved(shop, changes, has_events=True)
    assert [payment.payment_id for payment in answered] == [one.payment_id for one in changes]


async def test_merchants_of_a_batch_share_one_wait_for_a_lock(shop, till, monkeypatch):
    """Not one wait for each: a statement waits for LOCK_MS in all."""
    monkeypatch.setattr(rows_together, "LOCK_MS", 1_000)
    monkeypatch.setattr(rows_together, "ALONE_LOCK_MS", 20_000)
    tills = [till] + [await shop.till() for _ in range(7)]
    holder = await asyncpg.connect(shop.place.owner_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE payments IN SHARE MODE")
            news = [sale(shop, one) for one in tills for _ in range(4)]
            jobs = asyncio.ensure_future(submitted(shop, *news))
            await locked(shop, 4, within_s=5)
    finally:
        await holder.close()
    assert {verdict for verdict, _ in await jobs} == {"created"}


READ = (
    "SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_user_tables"
    " WHERE relname = 'payments'"
)
GROW = (
    "INSERT INTO payments (tenant_id, payment_id, store_id, device_id, pay_request_id,"
    " request_hash, out_trade_no, channel, scene, subject, total_fen, payable_fen,"
    " stored_value_fen, app_id,"
    " seller_id, key_version, state, created_at, finished_at, deadline_at)"
    " SELECT tenant_id, gen_random_uuid(), store_id, device_id, 'g' || n, request_hash,"
    " 'g' || n, channel, scene, subject, total_fen, payable_fen, stored_value_fen, app_id,"
    " seller_id, key_version, 'FAILED', created_at, created_at, deadline_at"
    " FROM (SELECT * FROM payments WHERE pay_request_id LIKE 'r%' LIMIT 1) AS p"
    " CROSS JOIN generate_series(1, 20000) AS n"
)


async def test_the_plan_of_a_small_table_is_right_for_a_large_one(shop, till):
    """A connection plans a change once, perhaps while the table is small; a plan that reads the
    whole table would stay until somebody analyzes it. Here another index than the key's is smaller
    at first, so that such a plan looks cheaper."""
    payments = await stored(shop, [sale(shop, till) for _ in range(4)])
    for text in (
        "ALTER TABLE payments SET (autovacuum_enabled = off)",
        GROW,
        # Else the rows that it read could be counted later, when its session is used again.
        "DELETE FROM payments WHERE pay_request_id LIKE 'g%'; SELECT pg_stat_force_next_flush()",
        "VACUUM payments",
        "REINDEX INDEX uq_payments_out_trade_no",
        "ANALYZE payments",
    ):
        await shop.place.execute(text)
    for _ in range(8):
        payments = await moved(shop, [change(shop, one) for one in payments])
    await shop.place.execute(f"{GROW}; SELECT pg_stat_force_next_flush()")
    await settled(shop)
    before = await shop.place.value(READ)
    payments = await moved(shop, [change(shop, one) for one in payments])
    await settled(shop)
    assert payments[0].version == 10
    assert 4 <= await shop.place.value(READ) - before < 400


async def settled(shop):
    """Until the backends have reported what they read: they do so a second apart at most."""
    await asyncio.sleep(1.2)
    for _ in range(8):
        await shop.deps.db.one("SELECT 1")
        await shop.deps.db.system.one("SELECT 1")
    await asyncio.sleep(0.2)
