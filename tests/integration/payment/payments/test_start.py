"""Taking a payment: once per request, whatever is repeated, refused or raced."""

import asyncio

import pytest

from services.payment.payments import repo, store
from services.payment.payments.schemas import PayBody
from shared.contracts.events.payment import PaymentFailed, PaymentSucceeded
from shared.errors import Unavailable
from tests.integration.payment.conftest import PAYMENTS, bar_code
from tests.integration.payment.egress import PAY, answer

pytestmark = pytest.mark.asyncio


async def test_a_face_payment_is_booked_and_told(shop, till):
    body = till.body(1207, subject="拿铁 Latte")
    paid = (await till.post(body)).json()
    assert (paid["status"], paid["scene"], paid["channel"]) == ("paid", "face", "alipay")
    assert paid["amount_fen"] == 1207
    assert paid["paid_at"] == "2026-11-23T04:00:00Z"
    (event,) = await shop.events(paid["payment_id"])
    assert isinstance(event, PaymentSucceeded)
    assert str(event.payment_id) == paid["payment_id"]
    assert (event.payable_fen, event.trade_no is None, event.device_id) == (
        1207, False, till.device_id,
    )  # fmt: skip
    assert event.created_at.isoformat().replace("+00:00", "Z") == paid["created_at"]
    _, asked = shop.egress.asked[0]
    assert asked["params"]["auth_code"] == body["auth_code"]
    assert asked["params"]["total_fen"] == 1207
    row = await shop.row(paid["payment_id"])
    assert (row["next_poll_at"], row["pay_open_until"], row["key_version"]) == (None, None, 1)
    assert body["auth_code"] not in str(dict(row))
    assert await shop.broken() == {}


async def test_the_row_is_committed_before_the_channel_is_asked(shop, till):
    """F4, F36: whatever happens after the socket write, the sweeper knows of it."""
    gate = asyncio.Event()
    shop.egress.next(PAY, gate)
    asked = asyncio.ensure_future(till.post(till.body()))
    while not shop.egress.calls[PAY]:
        await asyncio.sleep(0.01)
    (row,) = await shop.place.fetch("SELECT * FROM payments")
    assert (row["state"], row["version"]) == ("SUBMITTED", 1)
    assert row["next_poll_at"] < row["deadline_at"]
    gate.set()
    assert (await asked).json()["status"] == "paid"


async def test_fifty_copies_are_one_channel_call(shop, till):
    """F1, G2: byte-equal answers, one row, one event."""
    body = till.body(250)
    answers = await asyncio.gather(*(till.post(body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert shop.egress.calls[PAY] == 1
    assert await shop.said(answers[0].json()["payment_id"]) == ["payment.succeeded.v1"]
    again = await till.post(body)
    assert again.content == answers[0].content


async def test_other_content_under_the_same_id_is_refused(shop, till):
    """F2: mutate one field, 422, and the row stays as it was."""
    body = till.body(250, subject="a", order_ref="o1", terminal_params='{"a":1}')
    first = (await till.post(body)).json()
    before = await shop.row(first["payment_id"])
    other = await shop.till(tenant_id=till.tenant_id)
    changes = (
        {"amount_fen": 251},
        {"auth_code": bar_code()},
        {"subject": "b"},
        {"subject": None},
        {"store_id": str(other.store_id)},
        {"order_ref": "o2"},
        {"terminal_params": '{"a":2}'},
    )
    changed = {name for change in changes for name in change}
    hint = "each member of PayBody belongs into `content` of new_payment, and is changed here"
    assert changed == PayBody.model_fields.keys() - {"pay_request_id"}, hint
    for change in changes:
        refused = await till.post({**body, **change})
        assert refused.status_code == 422, change
        assert refused.json()["code"] == "payment.request_mismatch", change
    assert await shop.row(first["payment_id"]) == before
    assert shop.egress.calls[PAY] == 1


async def test_a_nonce_changes_something_once(shop, till):
    """A replayed request is refused; a retry under a new nonce is told the stored result."""
    body = till.body(300)
    first = await till.post(body, nonce="n" * 32)
    replayed = await till.post(body, nonce="n" * 32)
    assert (replayed.status_code, replayed.json()["code"]) == (401, "auth.replayed")
    other = await till.post(till.body(300), nonce="n" * 32)
    assert other.status_code == 401
    assert (await till.post(body)).content == first.content
    assert await shop.place.value("SELECT count(*) FROM payments") == 1
    stopped = await till.stop(body["pay_request_id"], nonce="n" * 32)
    assert stopped.status_code == 401


async def test_one_nonce_in_a_race_passes_once(shop, till):
    answers = await asyncio.gather(*(till.post(till.body(), nonce="a" * 32) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert await shop.place.value("SELECT count(*) FROM payments") == 1


async def test_nothing_payable_needs_no_channel(shop, till):
    """S99."""
    body = till.body(0)
    del body["auth_code"]
    paid = (await till.post(body)).json()
    assert (paid["status"], paid["scene"], paid["channel"]) == ("paid", "none", "none")
    assert shop.egress.calls == {}
    (event,) = await shop.events(paid["payment_id"])
    assert (event.type, event.payable_fen, event.channel) == ("payment.succeeded.v1", 0, "none")
    assert (await till.post(body)).json() == paid
    assert len(await shop.events(paid["payment_id"])) == 1
    unbound = await shop.till(is_bound=False)
    free = await unbound.post({"pay_request_id": "abcdefgh1", "amount_fen": 0})
    assert free.json()["status"] == "paid"
    assert await shop.broken() == {}


async def test_a_refusal_is_failed_with_a_reason(shop, till):
    shop.egress.next(PAY, answer("refused", code="40004", sub_code="ACQ.BUYER_BALANCE_NOT_ENOUGH"))
    failed = await till.pay()
    assert failed["status"] == "failed"
    assert failed["reason"]["code"] == "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    assert "余额不足" in failed["message"]
    (event,) = await shop.events(failed["payment_id"])
    assert isinstance(event, PaymentFailed)
    assert event.reason_code == "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    assert await shop.broken() == {}


@pytest.mark.parametrize("step", [404, 409, 503, 401])
async def test_what_surely_never_left_is_failed_at_once(shop, till, step):
    shop.egress.next(PAY, step)
    failed = await till.pay()
    assert (failed["status"], failed["reason"]["code"]) == ("failed", "payment.channel_unavailable")


async def test_an_egress_that_stays_away(shop, till):
    """F36's kin: surely nothing was sent, so the sale has failed and may be tried anew."""
    port = shop.egress.port
    await shop.egress.stop()
    failed = await till.pay()
    assert (failed["status"], failed["reason"]["code"]) == ("failed", "payment.channel_unavailable")
    await shop.egress.start(port)


async def test_an_egress_that_restarts_is_waited_for(shop, till):
    port = shop.egress.port
    await shop.egress.stop()
    asked = asyncio.ensure_future(till.pay())
    await asyncio.sleep(0.5)
    await shop.egress.start(port)
    assert (await asked)["status"] == "paid"
    shop.egress.next(PAY, "not_sent", "not_sent")
    assert (await till.pay())["status"] == "paid"
    assert list(shop.egress.captured().values()) == [1207, 1207]
    assert await shop.broken() == {}


@pytest.mark.parametrize(
    "step",
    [
        "lost_answer",
        "hang_up",
        500,
        502,
        answer("unknown", code="20000"),
        answer("unknown", code="40004", sub_code="ACQ.NEVER_HEARD_OF"),
        answer("success", out_trade_no="SOMEBODYELSES", trade_no="1", total_fen=1207),
        answer("success"),
        answer("something new"),
    ],
)
async def test_what_is_not_clear_is_unknown_and_asked_at_once(shop, till, step):
    """F4, F14, F15: never failed, never paid, and due now."""
    shop.egress.next(PAY, step)
    first = await till.pay()
    assert first["status"] == "pending"
    assert first["retry_after_ms"] > 0
    assert first["waiting_for"] == "outcome"
    row = await shop.row(first["payment_id"])
    assert row["state"] == "UNKNOWN"
    assert await shop.place.value("SELECT next_poll_at <= now() FROM payments")


async def test_a_wrong_amount_is_not_paid(shop, till):
    """A captured trade of another amount: a case for a person, and the query goes on."""
    wrong = answer("success", trade_no="1", total_fen=1206, paid_at="2026-11-23T04:00:00Z")
    shop.egress.next(PAY, wrong)
    first = await till.pay(1207)
    assert first["status"] == "pending"
    assert await shop.state(first["payment_id"]) == "UNKNOWN"
    assert await shop.place.value("SELECT kind FROM payment_cases") == "amount_mismatch"
    assert await shop.said(first["payment_id"]) == []


async def test_the_device_hangs_up_and_the_answer_is_booked(shop, till):
    gate = asyncio.Event()
    shop.egress.next(PAY, gate)
    body = till.body()
    asked = asyncio.ensure_future(till.post(body))
    while not shop.egress.calls[PAY]:
        await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    gate.set()
    for _ in range(100):
        if await till.status(body["pay_request_id"]) == "paid":
            break
        await asyncio.sleep(0.02)
    assert await till.status(body["pay_request_id"]) == "paid"


async def test_an_order_has_one_attempt_at_a_time(shop, till):
    """F3, G2: two devices, one order: one attempt; a new one only when the first took nothing."""
    other = await shop.till(tenant_id=till.tenant_id)
    shop.egress.always(PAY, "in_process")
    answers = await asyncio.gather(
        *(one.post(one.body(order_ref="order-1")) for one in (till, other) for _ in range(10))
    )
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200] + [409] * 19
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"payment.order_active"}
    first = next(a.json() for a in answers if a.status_code == 200)
    shop.egress.heal()
    winner = till if (await till.get(first["pay_request_id"])).status_code == 200 else other
    assert (await winner.stop(first["pay_request_id"])).json()["status"] == "closed"
    assert (await till.pay(order_ref="order-1"))["status"] == "paid"
    refused = await other.post(other.body(order_ref="order-1"))
    assert refused.status_code == 409
    assert await shop.broken() == {}


async def test_stores_and_apps_that_are_not_there(shop, till):
    foreign = await shop.till()
    for store_id in (foreign.store_id, till.device_id):
        refused = await till.post(till.body(store_id=str(store_id)))
        assert (refused.status_code, refused.json()["code"]) == (404, "payment.unknown_store")
    unbound = await shop.till(is_bound=False)
    refused = await unbound.post(unbound.body())
    assert (refused.status_code, refused.json()["code"]) == (409, "payment.app_not_bound")
    async with shop.deps.db.pg(None) as pg:
        await repo.upsert_apps(pg, [shop.bound(till.tenant_id, enabled=False)])
    refused = await till.post(till.body())
    assert refused.json()["code"] == "payment.app_not_bound"
    assert await shop.place.value("SELECT count(*) FROM payments") == 0
    assert shop.egress.calls == {}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"auth_code": "123"}, 422, "payment.bad_auth_code"),
        ({"auth_code": "130000000000000000"}, 422, "payment.channel_not_configured"),
        ({"auth_code": None}, 422, "invalid_body"),
        ({"amount_fen": "100"}, 422, "invalid_body"),
        ({"amount_fen": 1.0}, 422, "invalid_body"),
        ({"amount_fen": True}, 422, "invalid_body"),
        ({"amount_fen": -1}, 422, "invalid_body"),
        ({"amount_fen": 10_000_000_001}, 422, "invalid_body"),
        ({"pay_request_id": "short"}, 422, "invalid_body"),
        ({"pay_request_id": "abcdefgh\n"}, 422, "invalid_body"),
        ({"store_id": "shop"}, 422, "invalid_body"),
        ({"subject": "x" * 129}, 422, "invalid_body"),
        ({"amount": 1}, 422, "invalid_body"),
    ],
)
async def test_bad_bodies_leave_nothing(shop, till, change, status, code):
    refused = await till.post(till.body(**change))
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await shop.place.value("SELECT count(*) FROM payments") == 0


async def test_a_wechat_code_is_refused_in_words(shop, till):
    """No channel takes it yet: the till shows what to do instead, in both languages."""
    refused = (await till.post(till.body(auth_code="130000000000000000"))).json()
    assert "微信" in refused["title"]
    assert "支付宝" in refused["title"]
    assert "Alipay" in refused["title"]
    assert refused.get("detail") != "wechat"


async def test_foreign_payments_do_not_exist(shop, till):
    """G7: another tenant's, and another device's, are 404 alike."""
    paid = await till.pay()
    stranger, sibling = await shop.till(), await shop.till(tenant_id=till.tenant_id)
    for other in (stranger, sibling):
        assert (await other.get(paid["pay_request_id"])).status_code == 404
        assert (await other.stop(paid["pay_request_id"])).status_code == 404
    shown = await shop.http.get(
        f"/api/merchant/v1/payments/{paid['payment_id']}", headers=stranger.user_headers()
    )
    assert shown.status_code == 404
    assert (await stranger.refund(paid["payment_id"], 1)).status_code == 404


async def test_doors_are_for_whom_they_are_for(shop, till):
    body = till.body()
    assert (await shop.http.post(PAYMENTS, json=body)).status_code == 401
    as_user = await shop.http.post(PAYMENTS, json=body, headers=till.user_headers())
    assert as_user.status_code == 403
    paid = await till.pay()
    path = f"/api/merchant/v1/payments/{paid['payment_id']}"
    assert (await shop.http.get(path, headers=till.device_headers())).status_code == 403
    lacking = await shop.http.post(
        f"{path}/refunds", json={}, headers=till.user_headers("payments.read")
    )
    assert lacking.status_code == 403
    notify = await shop.http.post("/internal/notify", json={}, headers=till.device_headers())
    assert notify.status_code == 403


async def test_commit_answered_by_silence_is_one_row_and_one_call(shop, till, monkeypatch):
    """F18: the row is there, the answer to the commit was lost: ours is recognised by its id."""
    submit, calls = store.submit, []

    async def lost(*arguments):
        calls.append(await submit(*arguments))
        raise Unavailable("the connection broke after the commit")

    monkeypatch.setattr(store, "submit", lost)
    body = till.body()
    paid = await till.post(body)
    assert paid.json()["status"] == "paid"
    monkeypatch.setattr(store, "submit", submit)
    assert (await till.post(body)).json() == paid.json()
    assert shop.egress.calls[PAY] == len(calls) == 1


async def test_without_a_stored_row_the_channel_is_not_asked(shop, till):
    """F36: a database that refuses to write stops payments, not the other way round."""
    await shop.place.execute(
        "ALTER TABLE payments ADD CONSTRAINT full_disk CHECK (false) NOT VALID"
    )
    try:
        refused = await till.post(till.body())
    finally:
        await shop.place.execute("ALTER TABLE payments DROP CONSTRAINT full_disk")
    assert (refused.status_code, refused.json()["code"]) == (500, "internal")
    assert shop.egress.calls == {}
    assert await shop.place.value("SELECT count(*) FROM device_nonces") == 0


async def test_the_answer_that_cannot_be_booked_is_found_again(shop, till, monkeypatch):
    """F16, F17: paid at the channel, the database gone: no lie to the device, and the sweeper
    books it."""
    move = store.move

    async def away(*_):
        raise Unavailable("the database is away")

    monkeypatch.setattr(store, "move", away)
    body = till.body()
    refused = await till.post(body)
    assert refused.status_code == 503
    monkeypatch.setattr(store, "move", move)
    pending = (await till.post(body)).json()
    assert pending["status"] == "pending"
    await shop.age(pending["payment_id"], 5)
    await shop.sweep()
    assert await till.status(body["pay_request_id"]) == "paid"
    assert shop.egress.calls[PAY] == 1
    assert await shop.broken() == {}
