"""A person of one store sees and refunds that store's payments, and bad input changes nothing."""

from uuid import uuid4

import pytest

pytestmark = pytest.mark.asyncio
PAYMENTS = "/api/merchant/v1/payments"
NOTICES = "/api/operator/v1/notices"
BAD_TEXT = ["a\0b", "\ud800", "a\u2028b", "x" * 500]


async def _rows(shop):
    (row,) = await shop.place.fetch(
        "SELECT (SELECT count(*) FROM payments), (SELECT count(*) FROM refunds),"
        " (SELECT count(*) FROM outbox), (SELECT count(*) FROM notify_inbox)"
    )
    return tuple(row)


async def test_a_person_of_another_store_refunds_nothing(shop, till):
    paid = await till.pay(300)
    body = {"refund_request_id": "f0000001", "amount_fen": 100}
    path = f"{PAYMENTS}/{paid['payment_id']}"
    foreign = till.user_headers(store_ids=[uuid4()])
    before = await _rows(shop)
    for method, door, sent in (
        ("GET", path, None),
        ("POST", f"{path}/refunds", body),
        ("GET", f"{path}/refunds/f0000001", None),
    ):
        answer = await shop.http.request(method, door, json=sent, headers=foreign)
        assert answer.status_code == 404, door
    assert await _rows(shop) == before
    own = till.user_headers(store_ids=[uuid4(), till.store_id])
    done = await shop.http.post(f"{path}/refunds", json=body, headers=own)
    assert (done.status_code, done.json()["status"]) == (200, "done")
    for door in (path, f"{path}/refunds/f0000001"):
        assert (await shop.http.get(door, headers=own)).status_code == 200
        assert (await shop.http.get(door, headers=foreign)).status_code == 404


@pytest.mark.parametrize("bad", BAD_TEXT)
async def test_bad_text_changes_nothing(shop, till, bad):
    paid = await till.pay(300)
    before = await _rows(shop)
    for member in ("subject", "auth_code", "pay_request_id", "order_ref"):
        answer = await till.post(till.body(**{member: bad}))
        assert answer.status_code == 422, (member, answer.text)
    answer = await till.refund(paid["payment_id"], 100, reason=bad)
    assert answer.status_code == 422
    assert await _rows(shop) == before


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"since": "2026-07-04T00:00:00"},
        {"cursor": "x"},
        {"cursor": "\0"},
        # 0001-01-01T00:00:00+14:00|n, 2026-07-04T00:00:00Z|a<NUL>b and the same without a name
        {"cursor": "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHxu"},
        {"cursor": "MjAyNi0wNy0wNFQwMDowMDowMFp8YQBi"},
        {"cursor": "MjAyNi0wNy0wNFQwMDowMDowMFp8"},
        {"limit": "99999999999999999999"},
        {"out_trade_no": "a\0"},
        {"merchant_id": "\0"},
    ],
)
async def test_a_forged_cursor_or_odd_instant_is_named(shop, till, asked):
    answer = await shop.http.get(NOTICES, params=asked, headers=till.user_headers("notices.read"))
    assert answer.status_code == 422, answer.text
    assert next(iter(asked)) in str(answer.json()["errors"])
