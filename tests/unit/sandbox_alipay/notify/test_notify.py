"""Notifies: shape, signature, schedule, and what goes wrong with them on request."""

import asyncio
import json
from urllib.parse import parse_qsl

import pytest

from tests.unit.sandbox_alipay.conftest import Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, content_of, is_signed, new_no
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

V1 = ("sign", "sign_type")


def fields_of(body: bytes, codec: str = "utf-8") -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, encoding=codec))


def is_genuine(merchant: Merchant, body: bytes) -> bool:
    fields = fields_of(body)
    sign = fields.get("sign", "")
    return is_signed(merchant.alipay_public_key, content_of(fields, V1).encode(), sign)


async def test_a_payment_is_told(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    subject = "a+b & 50% 咖啡 🙂"
    paid = await merchant.pay(
        no, subject=subject, total_amount="1.20", passback_params="x=1&y", notify_url=receiver.url
    )
    await until(lambda: bool(receiver.seen))
    headers, body = receiver.seen[0]
    assert headers["content-type"] == "application/x-www-form-urlencoded; text/html; charset=utf-8"
    assert headers["user-agent"] == "Mozilla/4.0"
    assert is_genuine(merchant, body)
    fields = fields_of(body)
    assert fields["trade_status"] == "TRADE_SUCCESS"
    assert fields["notify_type"] == "trade_status_sync"
    assert fields["subject"] == subject
    assert fields["passback_params"] == "x=1&y"
    assert fields["seller_id"] == merchant.seller_id
    assert fields["app_id"] == fields["auth_app_id"] == merchant.app_id
    assert fields["buyer_open_id"] == paid["buyer_open_id"]
    assert fields["trade_no"] == paid["trade_no"]
    assert fields["gmt_payment"] == paid["gmt_payment"]
    assert (fields["total_amount"], fields["receipt_amount"]) == ("1.20", "1.20")
    assert json.loads(fields["fund_bill_list"]) == [
        {"amount": "1.20", "fundChannel": "ALIPAYACCOUNT"}
    ]
    assert len(fields["notify_id"]) == 34
    assert fields["notify_id"].isdigit()
    assert (fields["sign_type"], fields["charset"], fields["version"]) == ("RSA2", "utf-8", "1.0")


async def test_no_url_no_notify(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no)
    trade = await merchant.admin("GET", f"trades/{no}")
    assert trade["notifies"] == []


async def test_an_app_may_have_a_default_url(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.register(app_id=merchant.app_id, notify_url=receiver.url)
    await merchant.pay(new_no())
    await until(lambda: bool(receiver.seen))


async def test_a_late_payment_is_told(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("in_process", times=1, args={"ms": 50})
    await merchant.pay(new_no(), notify_url=receiver.url)
    assert receiver.seen == []
    await until(lambda: bool(receiver.seen))
    assert fields_of(receiver.seen[0][1])["trade_status"] == "TRADE_SUCCESS"


async def test_refunds_are_told(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="3.00", notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 1)
    await merchant.refund(no, "1.00", "R1")
    await until(lambda: len(receiver.seen) == 2)
    await merchant.refund(no, "1.00", "R1")
    await merchant.refund(no, "2.00", "R2")
    await until(lambda: len(receiver.seen) == 3)
    part, full = (fields_of(body) for _, body in receiver.seen[1:])
    assert all(is_genuine(merchant, body) for _, body in receiver.seen)
    assert (part["trade_status"], part["refund_fee"], part["send_back_fee"]) == (
        "TRADE_SUCCESS",
        "1.00",
        "1.00",
    )
    assert (full["trade_status"], full["refund_fee"], full["send_back_fee"]) == (
        "TRADE_CLOSED",
        "3.00",
        "2.00",
    )
    assert (part["out_biz_no"], full["out_biz_no"]) == ("R1", "R2")
    assert len(full["gmt_refund"]) == len("2020-03-27 18:19:15.143")
    assert full["gmt_close"]
    assert full["gmt_payment"]
    assert "receipt_amount" not in full


async def test_resent_until_exactly_success(merchant: Merchant, receiver: Receiver) -> None:
    """The same notify_id, a new time and signature, on a clock that can be hurried."""
    no = new_no()
    await merchant.admin("POST", "clock", {"scale": 20_000})
    receiver.answers = ["fail", "SUCCESS", '"success"', "success\n"]
    await merchant.pay(no, notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 5)
    assert len({fields_of(body)["notify_id"] for _, body in receiver.seen}) == 1
    assert all(is_genuine(merchant, body) for _, body in receiver.seen)
    await asyncio.sleep(0.1)
    (notify,) = (await merchant.admin("GET", f"trades/{no}"))["notifies"]
    assert (notify["state"], notify["attempts"], notify["last_answer"]) == ("done", 5, "success")
    assert len(receiver.seen) == 5


async def test_gives_up_after_eight_sends(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.admin("POST", "clock", {"scale": 1_000_000})
    receiver.answers = ["no"] * 20
    await merchant.pay(no, notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 8)
    await asyncio.sleep(0.15)
    (notify,) = (await merchant.admin("GET", f"trades/{no}"))["notifies"]
    assert (notify["state"], notify["attempts"]) == ("gave_up", 8)
    assert len(receiver.seen) == 8


async def test_at_normal_speed_the_second_send_waits(
    merchant: Merchant, receiver: Receiver
) -> None:
    no = new_no()
    receiver.answers = ["fail"]
    await merchant.pay(no, notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 1)
    await asyncio.sleep(0.3)
    assert len(receiver.seen) == 1
    await merchant.admin("POST", "clock", {"scale": 20_000})
    await until(lambda: len(receiver.seen) == 2)


async def test_nobody_listens(merchant: Merchant) -> None:
    no = new_no()
    await merchant.pay(no, notify_url="http://127.0.0.1:9/x")
    for _ in range(200):
        (notify,) = (await merchant.admin("GET", f"trades/{no}"))["notifies"]
        if notify["attempts"]:
            break
        await asyncio.sleep(0.02)
    assert (notify["state"], notify["last_status"]) == ("due", 0)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "not a url", "http://[", "http://127.0.0.1:x"]
)
async def test_urls_that_lead_nowhere(merchant: Merchant, receiver: Receiver, url: str) -> None:
    assert (await merchant.pay(new_no(), notify_url=url))["code"] == "10000"
    await merchant.pay(new_no(), notify_url=receiver.url)
    await until(lambda: bool(receiver.seen))


async def test_faults_of_notifies(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("notify_twice", times=1)
    await merchant.pay(new_no(), notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 2)
    assert receiver.seen[0][1] is not receiver.seen[1][1]
    receiver.seen.clear()

    await merchant.fault("notify_never", times=1)
    never, late = new_no(), new_no()
    await merchant.pay(never, notify_url=receiver.url)
    await asyncio.sleep(0.1)
    await merchant.fault("notify_late", times=1, args={"ms": 300})
    await merchant.pay(late, notify_url=receiver.url)
    await asyncio.sleep(0.1)
    assert receiver.seen == []
    await until(lambda: len(receiver.seen) == 1)
    assert fields_of(receiver.seen[0][1])["out_trade_no"] == late


@pytest.mark.parametrize("kind", ["notify_bad_signature", "notify_wrong_key", "notify_tamper"])
async def test_a_forged_send_is_followed_by_a_good_one(
    merchant: Merchant, receiver: Receiver, kind: str
) -> None:
    await merchant.admin("POST", "clock", {"scale": 20_000})
    receiver.answers = ["fail"]
    await merchant.fault(kind, times=1)
    await merchant.pay(new_no(), notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 2)
    assert [is_genuine(merchant, body) for _, body in receiver.seen] == [False, True]


async def test_notify_now(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no, notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 1)
    answer = await merchant.admin("POST", f"notify/{no}", {"times": 3})
    assert len(receiver.seen) == 4
    assert len({fields_of(body)["notify_id"] for _, body in receiver.seen}) == 1
    first = answer["sent"][0]
    assert (first["status"], first["answer"], first["acknowledged"]) == (200, "success", True)
    assert first["body"].encode() == receiver.seen[1][1]
    unheard = new_no()
    await merchant.pay(unheard)
    answer = await merchant.admin("POST", f"notify/{unheard}", status=409)
    answer = await merchant.admin("POST", f"notify/{unheard}", {"url": receiver.url})
    assert is_genuine(merchant, receiver.seen[-1][1])
    await merchant.admin("POST", "notify/NOSUCH", {"url": receiver.url}, status=404)
    await merchant.admin("POST", f"notify/{no}", {"variant": "x"}, status=400)
    await merchant.admin("POST", f"notify/{no}", {"times": 0}, status=400)


SHAPES = [
    *((name, True) for name in ("genuine", "wrong_amount", "wrong_seller", "wrong_app")),
    *((name, True) for name in ("wrong_order", "extra_field", "empty_kept", "waiting")),
    *((name, True) for name in ("closed", "finished")),
    *((name, False) for name in ("bad_signature", "wrong_key", "no_sign", "empty_sign")),
    *((name, False) for name in ("tamper", "empty_skipped", "keeps_sign_type")),
    *((name, False) for name in ("duplicate_field",)),
]


@pytest.mark.parametrize(("variant", "is_valid"), SHAPES)
async def test_variants(
    merchant: Merchant, receiver: Receiver, variant: str, is_valid: bool
) -> None:
    no = new_no()
    await merchant.pay(no)
    await merchant.admin("POST", f"notify/{no}", {"url": receiver.url, "variant": variant})
    body = receiver.seen[0][1]
    assert is_genuine(merchant, body) == is_valid
    fields = fields_of(body)
    content = {k: v for k, v in fields.items() if v}
    if variant == "empty_skipped":
        signed = content_of(content, V1).encode()
        assert is_signed(merchant.alipay_public_key, signed, fields["sign"])
    if variant == "keeps_sign_type":
        signed = content_of(content).encode()
        assert is_signed(merchant.alipay_public_key, signed, fields["sign"])


async def test_gbk_variant(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no)
    await merchant.admin("POST", f"notify/{no}", {"url": receiver.url, "variant": "gbk"})
    fields = fields_of(receiver.seen[0][1], "gbk")
    assert (fields["subject"], fields["charset"]) == ("测试 咖啡", "GBK")
    content = content_of(fields, V1).encode("gbk")
    assert is_signed(merchant.alipay_public_key, content, fields["sign"])
