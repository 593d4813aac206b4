"""Tables, functions and models agree; tenants do not see each other; audits bite."""

from dataclasses import fields
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from services.payment import sweeper
from services.payment.models import Base, MerchantApp, NoticeRow, PaymentRow, Store
from services.payment.notices.schemas import NoticesBody
from services.payment.notices.store import COLUMNS
from services.payment.payments import repo, store
from services.payment.snapshot import Payment, State
from services.payment.sweeper import purge
from shared import invariants
from shared.clock import SystemClock
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import StoreRenamed
from shared.contracts.notices import Notice
from shared.db import engine_of
from tests.integration.payment.conftest import APP_ID
from tests.integration.payment.egress import PAY
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio
UNUSED = ("CREATED", "CANCELLED_LOCAL")
"""States that the database allows and no code writes."""


async def test_models_are_what_the_migrations_made(shop):
    ours = set(Base.metadata.tables)

    def differences(connection):
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda thing, name, kind, *_: (
                    name in ours if kind == "table" else True
                ),
            },
        )
        return compare_metadata(context, Base.metadata)

    engine = engine_of(shop.place.owner_url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []


async def test_the_domain_knows_every_column_and_state(shop):
    columns = await shop.place.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'payments'"
        " ORDER BY ordinal_position"
    )
    assert [row["column_name"] for row in columns] == [field.name for field in fields(Payment)]
    assert list(PaymentRow.__table__.columns.keys()) == [field.name for field in fields(Payment)]
    check = await shop.place.value(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_payments_state'"
    )
    assert {word for word in check.split("'") if word.isupper()} == {*State, *UNUSED}
    index = await shop.place.value(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_payments_active_order_ref'"
    )
    active = {
        "SUBMITTED", "PAYING", "UNKNOWN", "CANCELLING", "MANUAL", "SUCCESS", "PARTIAL_REFUND",
    }  # fmt: skip
    assert {word for word in index.split("'") if word.isupper()} == {"CREATED", *active}


async def test_every_word_of_a_notice_is_kept(shop, till):
    """What the inbox leaves out stands in the body that it keeps."""
    assert set(Notice.__annotations__) - set(COLUMNS) == {"refunded_fen", "request_id"}
    renamed = {"out_request_no": "out_biz_no", "body_b64": "body"}
    told = notice("NEVER", out_request_no="R1", buyer_logon_id="158****1562", fault="no_trade")
    assert (await till.notify(**told)).json() == {"verdicts": ["quarantined"]}
    (row,) = await shop.place.fetch("SELECT * FROM notify_inbox")
    (item,) = NoticesBody.model_validate({"items": [{"tenant_id": till.tenant_id, **told}]}).items
    assert {name: row[renamed.get(name, name)] for name in COLUMNS} == {
        name: item[name] for name in COLUMNS
    }
    assert set(NoticeRow.__table__.columns.keys()) >= {renamed.get(n, n) for n in COLUMNS}


async def test_hot_functions_and_models_tell_the_same(shop, till):
    """Each function's row is the row that the ORM reads."""
    shop.egress.next(PAY, "in_process")
    first = await till.pay(order_ref="o1")
    for payment_id in (first["payment_id"], (await till.pay())["payment_id"]):
        async with shop.deps.db.read(till.tenant_id) as tx:
            row = (
                await tx.execute(select(PaymentRow).where(PaymentRow.payment_id == payment_id))
            ).scalar_one()
        by_model = repo.snapshot(row)
        by_id = await store.load(shop.deps.db, till.tenant_id, row.payment_id)
        by_request = await store.find(
            shop.deps.db, till.tenant_id, till.device_id, row.pay_request_id
        )
        assert by_model == by_id == by_request
    await shop.age(first["payment_id"], 4)
    ((_, leased),) = await store.lease_payments(shop.deps.db, 5, uuid4(), 15.0)
    assert leased == await store.load(shop.deps.db, till.tenant_id, leased.payment_id)


async def test_without_a_tenant_there_are_no_rows(shop, till):
    """G7: the application's role, with nothing set or with somebody else's tenant."""
    paid = await till.pay()
    assert await shop.deps.db.many("SELECT * FROM payments") == []
    assert await shop.deps.db.many("SELECT * FROM outbox") == []
    async with shop.deps.db.read(uuid4()) as tx:
        assert (await tx.execute(select(PaymentRow))).all() == []
    assert await store.load(shop.deps.db, uuid4(), paid["payment_id"]) is None
    connection = await asyncpg.connect(shop.place.app_url)
    try:
        await connection.execute("SELECT set_config('app.tenant', $1, false)", str(uuid4()))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "INSERT INTO stores (tenant_id, store_id, name) VALUES ($1, $2, 'x')",
                till.tenant_id, uuid4(),
            )  # fmt: skip
        assert await connection.execute("UPDATE payments SET payable_fen = 1") == "UPDATE 0"
    finally:
        await connection.close()


async def test_the_scope_ends_with_the_statement(shop, till):
    """A pooled connection must not carry a tenant on to the next caller."""
    await till.pay()
    await store.lease_payments(shop.deps.db, 5, uuid4(), 15.0)
    for _ in range(20):
        assert await shop.deps.db.many("SELECT * FROM payments") == []


@pytest.mark.parametrize(
    "change",
    [
        "refund_reserved_fen = 1208",
        "refunded_fen = 1",
        "refund_reserved_fen = -1",
        "payable_fen = -1, total_fen = -1",
        "state = 'PAID'",
        "trade_no = NULL",
        "paid_at = NULL",
        "state = 'UNKNOWN'",
        "app_id = NULL",
        "channel = 'none'",
    ],
)
async def test_the_database_refuses_what_the_rules_forbid(shop, till, change):
    await till.pay(1207)
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.place.execute(f"UPDATE payments SET {change}")


BREAKS = {
    "G1": "UPDATE payments SET state = 'REFUNDED'",
    "G2": "UPDATE payments SET order_ref = 'one', state = 'SUCCESS_LATE'",
    "G3": "UPDATE payments SET created_at = now() - interval '3 min', state = 'UNKNOWN',"
    " next_poll_at = now()",
    "G4": "UPDATE payments SET refund_reserved_fen = 5",
    "G6": "DELETE FROM outbox",
}


async def audited(shop):
    return await invariants.check(shop.deps.db, invariants.of(sweeper.__file__), shop.deps.clock)


@pytest.mark.parametrize("name", BREAKS)
async def test_each_invariant_bites(shop, till, name):
    await till.pay(1207)
    assert await audited(shop) == dict.fromkeys(("G1", "G2", "G3", "G4", "G6"), 0)
    await shop.place.execute(BREAKS[name])
    assert (await audited(shop))[name] > 0
    assert name in await shop.broken()


async def test_old_nonces_and_notices_are_forgotten(shop, till):
    await till.pay()
    await shop.place.execute("UPDATE device_nonces SET seen_at = now() - interval '899 s'")
    await purge(shop.deps)
    assert await shop.place.value("SELECT count(*) FROM device_nonces") == 1
    await shop.place.execute("UPDATE device_nonces SET seen_at = now() - interval '901 s'")
    await purge(shop.deps)
    assert await shop.place.value("SELECT count(*) FROM device_nonces") == 0


async def test_a_nonce_outlives_every_signature_that_may_carry_it(shop, till):
    """A request dated 300 s ahead is good at the edge until 600 s after it was first seen, on a
    clock that may be a minute behind the database's: the nonce is still known then."""
    nonce = "ab" * 16
    assert (await till.post(till.body(), nonce=nonce)).status_code == 200
    for age_s in (599, 600, 601, 660):
        await shop.place.execute(
            "UPDATE device_nonces SET seen_at = now() - make_interval(secs => $1)", float(age_s)
        )
        await purge(shop.deps)
        answer = await till.post(till.body(), nonce=nonce)
        assert (answer.status_code, answer.json()["code"]) == (401, "auth.replayed")


@pytest.mark.parametrize("is_reversed", [False, True])
async def test_read_models_keep_the_latest_word(shop, till, is_reversed):
    """An older event that comes again, or behind a newer one, does not undo it."""
    old = shop.bound(till.tenant_id, enabled=True)
    off = shop.bound(till.tenant_id, enabled=False)
    first, second = (
        StoreRenamed(**stamp(till.tenant_id, SystemClock()), store_id=till.store_id, name=name)
        for name in ("旧店名", "新店名")
    )
    async with shop.deps.db.pg(None) as pg:
        await repo.upsert_apps(pg, [off, old] if is_reversed else [old, off])
        await repo.upsert_stores(pg, [second, first] if is_reversed else [first, second])
    async with shop.deps.db.pg(None) as pg:
        await repo.upsert_apps(pg, [old])
        await repo.upsert_stores(pg, [first])
    async with shop.deps.db.read(till.tenant_id) as tx:
        (app,) = (await tx.execute(select(MerchantApp))).scalars()
        (store,) = (await tx.execute(select(Store))).scalars()
    assert (app.app_id, app.is_enabled, app.changed_at) == (APP_ID, False, off.occurred_at)
    assert (store.store_id, store.name) == (till.store_id, "新店名")
