"""The list of refunds: newest first, page by page, of the stores one may see, with who asked."""

import base64
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.payment.console.schemas import PaymentOut
from services.payment.payments.schemas import DevicePaymentOut
from services.payment.refunds.schemas import RefundList, RefundOut
from tests.integration.payment.egress import REFUND, answer

pytestmark = pytest.mark.asyncio

REFUSED = answer("refused", code="40004", sub_code="ACQ.SELLER_BALANCE_NOT_ENOUGH")
PLACE = (
    base64.urlsafe_b64encode(b"2026-07-04T00:00:00Z|0197d000-0000-7000-8000-000000000000")
    .decode()
    .rstrip("=")
)


async def _back(till, amount_fen=100, *, of_fen=300):
    """A payment and a refund of it."""
    paid = await till.pay(of_fen)
    return paid, (await till.refund(paid["payment_id"], amount_fen)).json()


async def _ids(till, **asked):
    found = await till.refunds(**asked)
    assert found.status_code == 200, found.text
    return [one["refund_id"] for one in found.json()["items"]]


async def test_a_refund_is_listed_beside_its_payment(till):
    paid, refund = await _back(till, 100, of_fen=300)
    (row,) = (await till.refunds()).json()["items"]
    assert {name: row[name] for name in refund} == refund
    assert (row["amount_fen"], row["payable_fen"], row["refunded_fen"]) == (100, 300, 100)
    assert (row["out_trade_no"], row["trade_no"]) == (paid["out_trade_no"], row["trade_no"])
    assert (row["store_id"], row["store_name"]) == (str(till.store_id), "一店")
    assert (row["state"], row["status"], row["next_check_at"]) == ("done", "done", None)


async def test_pages_neither_repeat_nor_lose_while_new_ones_arrive(till):
    made = [(await _back(till))[1]["refund_id"] for _ in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        page = (await till.refunds(limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [one["refund_id"] for one in page["items"]]
        cursor = page["next"]
        await _back(till)
    assert seen == made[::-1]
    assert cursor is None, "the last page says that it is the last"


async def test_one_that_is_tried_again_keeps_its_place(shop, till):
    """Nobody who walks the pages meanwhile loses it, or sees it twice."""
    made = []
    for turn in range(4):
        paid = await till.pay(300)
        shop.egress.next(REFUND, REFUSED)
        request_id = f"refund-once-{turn}"
        refund = (await till.refund(paid["payment_id"], 100, request_id)).json()
        made.append((paid["payment_id"], request_id, refund["refund_id"]))
    await shop.place.execute(
        "UPDATE refunds SET created_at = created_at - interval '9 s',"
        " finished_at = finished_at - interval '9 s'"
    )
    page = (await till.refunds(limit=2)).json()
    seen = [one["refund_id"] for one in page["items"]]
    for payment_id, request_id, _ in (made[0], made[3]):
        again = await till.retry(payment_id, request_id)
        assert again.json()["state"] == "done", again.text
    page = (await till.refunds(limit=2, cursor=page["next"])).json()
    seen += [one["refund_id"] for one in page["items"]]
    assert seen == [refund_id for *_, refund_id in made[::-1]]


async def test_pages_lead_back_the_way_they_came(till):
    """Also while new ones arrive, and the first page says that it is the first."""
    made = [(await _back(till))[1]["refund_id"] for _ in range(5)][::-1]
    page, ways = (await till.refunds(limit=2)).json(), []
    assert page["previous"] is None
    while page["next"]:
        page = (await till.refunds(limit=2, cursor=page["next"])).json()
    late = (await _back(till))[1]["refund_id"]
    while True:
        ways.append([one["refund_id"] for one in page["items"]])
        if not page["previous"]:
            break
        page = (await till.refunds(limit=2, before=page["previous"])).json()
        assert page["next"], "one comes from there"
    assert ways == [made[4:], made[2:4], made[:2], [late]]
    page = (await till.refunds(limit=2, cursor=page["next"])).json()
    assert [one["refund_id"] for one in page["items"]] == made[:2]


async def test_refunds_of_one_moment_are_told_apart(shop, till):
    """The clock may stand still between two of them: their names decide, page by page."""
    made = [(await _back(till))[1]["refund_id"] for _ in range(4)]
    await shop.place.execute("UPDATE refunds SET created_at = '2026-11-23T04:00:00Z'")
    seen, cursor = [], None
    for _ in made:
        page = (await till.refunds(limit=1, **({"cursor": cursor} if cursor else {}))).json()
        seen += [one["refund_id"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(made)


async def test_each_filter_narrows(shop, till):
    paid, done = await _back(till)
    shop.egress.next(REFUND, REFUSED, "lost_answer")
    rejected = (await _back(till))[1]["refund_id"]
    unknown = (await _back(till))[1]["refund_id"]
    early = (await till.refund(paid["payment_id"], 1)).json()["refund_id"]
    done = done["refund_id"]
    for state, wanted in (
        ("done", done), ("rejected", rejected), ("unknown", unknown), ("pending", early),
    ):  # fmt: skip
        assert await _ids(till, state=state) == [wanted], state
    number = paid["out_trade_no"]
    for q in (number, number[-6:], number.lower(), number[-6:].lower()):
        assert await _ids(till, q=q) == [early, done]
    assert await _ids(till, q="%") == []
    assert await _ids(till, q="没有") == []
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert len(await _ids(till, since=past)) == 4
    assert await _ids(till, until=past) == []
    assert len(await _ids(till, store_id=str(till.store_id))) == 4
    assert await _ids(till, store_id=str(uuid4())) == []


async def test_nobody_sees_beyond_their_stores_or_merchant(shop, till):
    _, mine = await _back(till)
    second = await shop.till(tenant_id=till.tenant_id)
    _, theirs = await _back(second)
    other = await shop.till()
    await _back(other)
    assert await _ids(till) == [theirs["refund_id"], mine["refund_id"]]
    bound = till.user_headers(store_ids=[till.store_id])
    assert await _ids(till, headers=bound) == [mine["refund_id"]]
    assert await _ids(till, headers=bound, store_id=str(second.store_id)) == []
    assert (await till.refunds("orders.read")).status_code == 403


async def test_who_asked_is_a_name_and_for_the_merchants_eyes(till):
    """An operator who acts for the merchant and may not see its people does not see this one."""
    paid = await till.pay(300)
    path = f"/api/merchant/v1/payments/{paid['payment_id']}"
    body = {"refund_request_id": "f0000001", "amount_fen": 100}
    named = till.user_headers(name="韩梅梅")
    done = await till.http.post(f"{path}/refunds", json=body, headers=named)
    assert done.json()["requested_by_name"] == "韩梅梅"
    operator = {"acting_id": uuid4(), "name": "平台小王"}
    for headers, name in (
        (till.user_headers("payments.read"), "韩梅梅"),
        (till.user_headers("payments.read", **operator), None),
        (till.user_headers("payments.read", "staff.read", **operator), "韩梅梅"),
    ):
        (row,) = (await till.refunds(headers=headers)).json()["items"]
        shown = (await till.http.get(path, headers=headers)).json()["refunds"][0]
        one = (await till.http.get(f"{path}/refunds/f0000001", headers=headers)).json()
        assert {found["requested_by_name"] for found in (row, shown, one)} == {name}
        assert "requested_by" not in row, "nobody is shown a number instead of a name"


async def test_a_refund_from_before_names_were_kept_has_none(shop, till):
    await _back(till)
    await shop.place.execute("UPDATE refunds SET requested_by_name = NULL")
    assert (await till.refunds()).json()["items"][0]["requested_by_name"] is None


@pytest.mark.parametrize(
    "asked",
    [
        {"cursor": "x"},
        # 2026-07-04T00:00:00Z|not-a-refund, and 0001-01-01T00:00:00+14:00|n
        {"cursor": "MjAyNi0wNy0wNFQwMDowMDowMFp8bm90LWEtcmVmdW5k"},
        {"cursor": "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHxu"},
        {"before": "x"},
        {"before": "MjAyNi0wNy0wNFQwMDowMDowMFp8bm90LWEtcmVmdW5k"},
        {"before": PLACE, "cursor": PLACE},
        {"state": "lost"},
        {"limit": "101"},
        {"since": "2026-07-04T00:00:00"},
        {"store_id": "\0"},
        {"q": "a\0"},
    ],
)
async def test_what_does_not_fit_is_named(till, asked):
    refused = await till.refunds(**asked)
    assert refused.status_code == 422, refused.text
    assert next(iter(asked)) in str(refused.json()["errors"])


async def test_the_document_describes_what_is_answered(shop, till):
    """No member that the document lacks, none that is missing: for each door of this service that
    people and devices have."""
    paid = await till.pay(300)
    shop.egress.next(REFUND, REFUSED)
    refused = await till.refund(paid["payment_id"], 100)
    path = f"/api/merchant/v1/payments/{paid['payment_id']}"
    shown = await till.http.get(path, headers=till.user_headers())
    for model, found in (
        (DevicePaymentOut, await till.get(paid["pay_request_id"])),
        (PaymentOut, shown),
        (RefundOut, refused),
        (RefundList, await till.refunds()),
    ):
        read = model.model_validate_json(found.content, extra="forbid")
        assert set(found.json()) >= {
            name for name, member in model.model_fields.items() if member.is_required()
        }
        assert read
    assert re.search("[一-龥]", refused.json()["rejection"]["message"])
