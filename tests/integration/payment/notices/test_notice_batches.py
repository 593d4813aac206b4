"""Notices that come in one call: one commit for all, and yet each stands for itself."""

import asyncio
import itertools
import random

import asyncpg
import pytest

from tests.integration.payment.egress import PAY
from tests.integration.payment.notices.test_notices import notice

pytestmark = pytest.mark.asyncio

LOCKED = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"


async def _pending(shop, till):
    """A payment that waits for its buyer."""
    shop.egress.next(PAY, "in_process")
    return await till.pay(1207)


async def _verdicts(till, *documents):
    answer = await till.notify(*documents)
    assert answer.status_code == 200, answer.text
    return answer.json()["verdicts"]


async def test_each_of_a_batch_has_its_own_verdict(shop, till):
    """F10, §5.8.7: good ones, a repeat, a known id with other words, wrong ones, a word that no
    database takes, and another merchant's: none decides about another."""
    first, second, third = [await _pending(shop, till) for _ in range(3)]
    stranger = await shop.till()
    theirs = await _pending(shop, stranger)
    good = notice(first["out_trade_no"])
    paid = notice(second["out_trade_no"])
    known = good | {"total_fen": 9900}
    documents = {
        "stored": [good, paid],
        "duplicate": [good],
        "quarantined": [known, notice(third["out_trade_no"], total_fen=1206),
                        notice(theirs["out_trade_no"])],
        "failed": [notice(third["out_trade_no"], trade_no="2026\0")],
    }  # fmt: skip
    wanted = [(word, one) for word, listed in documents.items() for one in listed]
    mine = {**notice(theirs["out_trade_no"]), "tenant_id": str(stranger.tenant_id)}
    verdicts = await _verdicts(till, *(one for _, one in wanted), mine)
    assert verdicts == [*(word for word, _ in wanted), "stored"]
    for payment, owner, status in (
        (first, till, "paid"), (second, till, "paid"),
        (third, till, "pending"), (theirs, stranger, "paid"),
    ):  # fmt: skip
        assert await owner.status(payment["pay_request_id"]) == status
    rows = await shop.place.fetch("SELECT * FROM notify_inbox ORDER BY notify_id")
    stored = [(row["state"], row["detail"], row["deliveries"], row["last_detail"]) for row in rows]
    assert sorted(stored, key=str) == sorted(
        [
            ("APPLIED", None, 3, "reused_id"), ("APPLIED", None, 1, None),
            ("MISMATCH", "other_amount", 1, None), ("MISMATCH", "unknown_trade", 1, None),
            ("APPLIED", None, 1, None),
        ],
        key=str,
    )  # fmt: skip
    assert await shop.broken() == {}


async def test_a_batch_about_one_payment_settles_it_once(shop, till):
    """G6: as many ids, one trade; the first one that gets there books it."""
    first = await _pending(shop, till)
    documents = [notice(first["out_trade_no"]) for _ in range(8)]
    assert await _verdicts(till, *documents, *documents) == ["stored"] * 8 + ["duplicate"] * 8
    assert await shop.said(first["payment_id"]) == ["payment.succeeded.v1"]
    states = await shop.place.fetch("SELECT state, deliveries FROM notify_inbox ORDER BY 1")
    assert sorted(states) == [("APPLIED", 2)] + [("DUPLICATE", 2)] * 7
    assert await shop.broken() == {}


async def test_batches_that_cross_do_not_stop_each_other(shop, till):
    """The same twelve notices in twenty orders at the same time, two of them with other words."""
    payments = [await _pending(shop, till) for _ in range(4)]
    documents = [notice(one["out_trade_no"]) for one in itertools.islice(
        itertools.cycle(payments), 12)]  # fmt: skip
    changed = [one | {"total_fen": 9900} for one in documents[:2]]
    rng = random.Random(7)
    batches = [rng.sample(documents, k=12) + rng.sample(changed, k=2) for _ in range(20)]
    answers = await asyncio.gather(*(_verdicts(till, *batch) for batch in batches))
    words = [word for answer in answers for word in answer]
    assert "failed" not in words
    # Whichever words came first under an id are the ones that it stands for.
    assert words.count("stored") + words.count("quarantined") + words.count("duplicate") == 280
    assert await shop.place.value("SELECT sum(deliveries) FROM notify_inbox") == 280
    assert await shop.place.value("SELECT count(*) FROM notify_inbox") == 12
    for payment in payments:
        assert await shop.said(payment["payment_id"]) == ["payment.succeeded.v1"]
    assert await shop.broken() == {}


# asyncpg drops a future of its own when the server cuts a connection; ours are all awaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_database_lost_in_mid_batch_commits_none_of_it(shop, till):
    """F18: part of the batch is written when its connection dies; no word is said, nothing is
    there, and the same batch again is taken."""
    first, second = [await _pending(shop, till) for _ in range(2)]
    documents = [notice(one["out_trade_no"]) for one in (first, second, first)]
    row = (
        "app_id", "notify_id", "channel", "kind", "out_trade_no", "body", "state", "received_at",
    )  # fmt: skip
    last = max(documents, key=lambda one: one["notify_id"])
    holder = await asyncpg.connect(shop.place.superuser_url)
    holding = holder.transaction()
    await holding.start()
    await holder.execute(
        f"INSERT INTO notify_inbox (tenant_id, {', '.join(row)})"
        " VALUES ($1, $2, $3, 'alipay', 'paid', '', '', 'DUPLICATE', now())",
        till.tenant_id, last["app_id"], last["notify_id"],
    )  # fmt: skip
    telling = asyncio.ensure_future(till.notify(*documents))
    while not (stuck := await shop.place.fetch(LOCKED, shop.place.name)):
        await asyncio.sleep(0.01)
    await shop.place.execute("SELECT pg_terminate_backend($1)", stuck[0]["pid"])
    answer = await telling
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    await holding.rollback()
    await holder.close()
    assert await shop.place.value("SELECT count(*) FROM notify_inbox") == 0
    assert await till.status(first["pay_request_id"]) == "pending"
    assert await _verdicts(till, *documents) == ["stored"] * 3
    assert await till.status(first["pay_request_id"]) == "paid"
    assert await shop.broken() == {}


@pytest.mark.parametrize("items", [[], None, "x", [None], [{}]])
async def test_what_is_no_batch_is_refused(shop, till, items):
    token = till._edge.issue("payment", kind="service", subject="gateway-edge")
    answer = await shop.http.post(
        "/internal/notify", json={"items": items}, headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
