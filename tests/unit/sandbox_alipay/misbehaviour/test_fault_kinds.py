"""Every kind of misbehaviour that is listed has its proof, here or with the answers' shapes."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from tests.unit.sandbox_alipay.apps import test_certificates
from tests.unit.sandbox_alipay.conftest import Receiver
from tests.unit.sandbox_alipay.merchant import Merchant, is_signed, new_no
from tests.unit.sandbox_alipay.misbehaviour import test_fault_answers
from tests.unit.sandbox_alipay.notify.test_notify import fields_of, is_genuine
from tests.unit.sandbox_kit.waiting import until

pytestmark = pytest.mark.asyncio

PAY = "alipay.trade.pay"
ROOT = "alipay_trade_pay_response"


async def raw(merchant: Merchant, no: str) -> tuple[int, str, bytes]:
    """Status, content type and body, whatever they are."""
    form = merchant.signed(PAY, merchant.order(no))
    async with merchant.http.post(f"{merchant.base}/gateway.do", data=form) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.read()


async def status(merchant: Merchant, no: str) -> str | None:
    async with merchant.http.get(f"{merchant.base}/admin/trades/{no}") as answer:
        found: str | None = (await answer.json()).get("status")
        return found


async def is_lost(merchant: Merchant, no: str) -> bool:
    try:
        await raw(merchant, no)
    except (aiohttp.ClientError, OSError):
        return True
    return False


async def delay(merchant: Merchant, receiver: Receiver) -> None:
    for when in ("after", "before"):
        await merchant.fault("delay", times=1, args={"ms": 200, "when": when})
        no, started = new_no(), time.monotonic()
        paying = asyncio.ensure_future(merchant.pay(no))
        await asyncio.sleep(0.1)
        assert (await status(merchant, no) is None) == (when == "before")
        assert (await paying)["code"] == "10000"
        assert time.monotonic() - started >= 0.19  # a timer may fire a millisecond early


async def drop_request(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.fault("drop_request", times=1)
    assert await is_lost(merchant, no)
    assert await status(merchant, no) is None


async def drop_answer(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.fault("drop_answer", times=1)
    assert await is_lost(merchant, no)
    assert await status(merchant, no) == "TRADE_SUCCESS"


async def break_answer(merchant: Merchant, receiver: Receiver) -> None:
    """The head promises more than comes."""
    no = new_no()
    await merchant.fault("break_answer", times=1)
    form = merchant.signed(PAY, merchant.order(no))
    async with merchant.http.post(f"{merchant.base}/gateway.do", data=form) as answer:
        assert answer.status == 200
        head = await answer.content.readany()
        assert head.startswith(b'{"' + ROOT.encode())
        assert len(head) < int(answer.headers["Content-Length"])
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()
    assert await status(merchant, no) == "TRADE_SUCCESS"


async def reset(merchant: Merchant, receiver: Receiver) -> None:
    address = urlsplit(merchant.base)
    for when in ("before", "after"):
        await merchant.fault("reset", times=1, args={"when": when})
        no = new_no()
        body = urlencode(merchant.signed(PAY, merchant.order(no)))
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"POST /gateway.do HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert (await status(merchant, no) is None) == (when == "before")


async def http_status(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("http_status", times=1, args={"status": 503})
    no = new_no()
    code, body = await merchant.post(merchant.signed(PAY, merchant.order(no)))
    assert (code, merchant.read(PAY, body)["code"]) == (503, "10000")


async def content_type(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("content_type", times=1, args={"value": "text/plain"})
    await merchant.fault("content_type", times=1)
    told = [(await raw(merchant, new_no()))[1] for _ in range(3)]
    assert told == ["text/plain", "application/json", "text/html;charset=utf-8"]


async def notify_first(merchant: Merchant, receiver: Receiver) -> None:
    receiver.answers = ["fail"] * 3
    for _ in range(3):
        await merchant.fault("notify_first", times=1)
        no = new_no()
        assert (await merchant.pay(no, notify_url=receiver.url))["code"] == "10000"
        assert fields_of(receiver.seen[-1][1])["out_trade_no"] == no
    await merchant.fault("notify_first", times=1)
    assert (await merchant.pay(new_no()))["code"] == "10000"


async def http_500(merchant: Merchant, receiver: Receiver) -> None:
    for args, code, booked in (({}, 500, None), ({"status": 502, "done": True}, 502, True)):
        no = new_no()
        await merchant.fault("http_500", times=1, args=args)
        told, _, body = await raw(merchant, no)
        assert told == code
        assert body.startswith(b"<html>")
        assert await status(merchant, no) == ("TRADE_SUCCESS" if booked else None)


async def unsigned_error(merchant: Merchant, receiver: Receiver) -> None:
    for root in (ROOT, "error_response"):
        args = {"code": "40002", "sub_code": "isv.x", "root": root}
        await merchant.fault("unsigned_error", times=1, args=args)
        no = new_no()
        document = json.loads((await raw(merchant, no))[2])
        assert list(document) == [root]
        assert (document[root]["code"], document[root]["sub_code"]) == ("40002", "isv.x")
        assert await status(merchant, no) is None


async def refuse(merchant: Merchant, receiver: Receiver) -> None:
    args = {"code": "40006", "sub_code": "isv.insufficient-isv-permissions", "sub_msg": "x"}
    await merchant.fault("refuse", times=1, args=args)
    no = new_no()
    node = await merchant.pay(no)
    assert (node["code"], node["sub_code"]) == (args["code"], args["sub_code"])
    assert await status(merchant, no) is None


async def system_error(merchant: Merchant, receiver: Receiver) -> None:
    for is_paid in (True, False):
        no = new_no()
        await merchant.fault("system_error", times=1, args={"paid": is_paid})
        assert (await merchant.pay(no))["code"] == "20000"
        assert await status(merchant, no) == ("TRADE_SUCCESS" if is_paid else None)


async def gbk_sub_msg(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("gbk_sub_msg", times=1)
    _, _, body = await raw(merchant, new_no())
    document = json.loads(body.decode("gbk"))
    node = body[body.index(b":{") + 1 : body.index(b',"sign"')]
    assert document[ROOT]["sub_msg"] == "系统繁忙"
    assert is_signed(merchant.alipay_public_key, node, document["sign"])


async def buyer_confirms(merchant: Merchant, receiver: Receiver) -> None:
    """The race that cancel must survive: it finds the order paid, and refunds it."""
    await merchant.fault("in_process", times=2, args={"ms": None})
    no, by_trade_no = new_no(), new_no()
    await merchant.pay(no, notify_url=receiver.url)
    await merchant.fault("buyer_confirms", method="alipay.trade.cancel", times=1)
    assert (await merchant.cancel(no))["action"] == "refund"
    await until(lambda: len(receiver.seen) == 2)
    trade_no = (await merchant.pay(by_trade_no))["trade_no"]
    await merchant.fault("buyer_confirms", times=1)
    node = await merchant.call("alipay.trade.query", {"trade_no": trade_no})
    assert node["trade_status"] == "TRADE_SUCCESS"


async def in_process(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("in_process", times=1, args={"ms": 50})
    no = new_no()
    assert (await merchant.pay(no))["code"] == "10003"
    await asyncio.sleep(0.1)
    assert (await merchant.query(no))["trade_status"] == "TRADE_SUCCESS"
    await merchant.fault("in_process", times=1, args={"ms": 0, "then": "closed"})
    no = new_no()
    await merchant.pay(no)
    assert (await merchant.query(no))["trade_status"] == "TRADE_CLOSED"


async def password(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("password", args={"above_fen": 100, "ms": None})
    told = [(await merchant.pay(new_no(), total_amount=yuan))["code"] for yuan in ("1", "1.01")]
    assert told == ["10000", "10003"]


async def cancel_retry(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no)
    await merchant.fault("cancel_retry", times=2)
    told = [await merchant.cancel(no) for _ in range(3)]
    assert [(one["retry_flag"], one.get("action")) for one in told] == [
        *(("Y", None), ("Y", None), ("N", "refund")),
    ]


async def fund_change_n(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no)
    await merchant.fault("fund_change_n", times=1)
    assert (await merchant.refund(no, "0.01"))["fund_change"] == "N"
    assert (await merchant.admin("GET", f"trades/{no}"))["refunded_fen"] == 1


async def full_refund_only(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.pay(no, total_amount="2.00")
    await merchant.fault("full_refund_only")
    assert (await merchant.refund(no, "1.00", "R"))["sub_code"] == "ACQ.NOT_ALLOW_PARTIAL_REFUND"
    assert (await merchant.refund(no, "2.00", "R"))["fund_change"] == "Y"


async def notify_twice(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("notify_twice", times=1)
    await merchant.pay(new_no(), notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 2)
    assert all(is_genuine(merchant, body) for _, body in receiver.seen)
    assert len({fields_of(body)["notify_id"] for _, body in receiver.seen}) == 1


async def notify_late(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.fault("notify_late", times=1, args={"ms": 200})
    await merchant.pay(new_no(), notify_url=receiver.url)
    await asyncio.sleep(0.1)
    assert receiver.seen == []
    await until(lambda: len(receiver.seen) == 1)


async def notify_never(merchant: Merchant, receiver: Receiver) -> None:
    no = new_no()
    await merchant.fault("notify_never", times=1)
    await merchant.pay(no, notify_url=receiver.url)
    await asyncio.sleep(0.1)
    (notify,) = (await merchant.admin("GET", f"trades/{no}"))["notifies"]
    assert (notify["state"], receiver.seen) == ("never", [])


async def notify_out_of_order(merchant: Merchant, receiver: Receiver) -> None:
    """The refund is told first; without a second notify, the first comes in the end."""
    await merchant.fault("notify_out_of_order", method=PAY, times=1)
    no, alone = new_no(), new_no()
    await merchant.pay(no, notify_url=receiver.url)
    await asyncio.sleep(0.05)
    await merchant.refund(no, "0.01")
    await until(lambda: len(receiver.seen) == 2)
    told = [fields_of(body)["trade_status"] for _, body in receiver.seen]
    assert told == ["TRADE_CLOSED", "TRADE_SUCCESS"]
    await merchant.fault("notify_out_of_order", times=1, args={"ms": 50})
    await merchant.pay(alone, notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 3)
    await asyncio.sleep(0.05)
    assert len(receiver.seen) == 3


async def notify_slow(merchant: Merchant, receiver: Receiver) -> None:
    started = time.monotonic()
    await merchant.fault("notify_slow", times=1, args={"ms": 300})
    await merchant.pay(new_no(), notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 1)
    assert time.monotonic() - started >= 0.29  # a timer may fire a millisecond early
    assert is_genuine(merchant, receiver.seen[0][1])


async def _one_send(merchant: Merchant, receiver: Receiver, kind: str, **args: str) -> bytes:
    await merchant.fault(kind, times=1, args=args)
    await merchant.pay(new_no(), notify_url=receiver.url)
    await until(lambda: len(receiver.seen) == 1)
    return receiver.seen[0][1]


async def notify_bad_signature(merchant: Merchant, receiver: Receiver) -> None:
    assert not is_genuine(merchant, await _one_send(merchant, receiver, "notify_bad_signature"))


async def notify_wrong_key(merchant: Merchant, receiver: Receiver) -> None:
    assert not is_genuine(merchant, await _one_send(merchant, receiver, "notify_wrong_key"))


async def notify_tamper(merchant: Merchant, receiver: Receiver) -> None:
    body = await _one_send(merchant, receiver, "notify_tamper")
    assert fields_of(body)["total_amount"] == "90.01"
    assert not is_genuine(merchant, body)


async def notify_extra_field(merchant: Merchant, receiver: Receiver) -> None:
    body = await _one_send(merchant, receiver, "notify_extra_field")
    assert fields_of(body)["zz_new_field"] == "a+b & c=d % 新 🙂"
    assert is_genuine(merchant, body)


async def notify_variant(merchant: Merchant, receiver: Receiver) -> None:
    body = await _one_send(merchant, receiver, "notify_variant", variant="wrong_seller")
    assert fields_of(body)["seller_id"] == "2088999999999999"
    assert is_genuine(merchant, body)
    wanted = {"fault": "notify_variant", "args": {"variant": "no such"}}
    await merchant.admin("POST", "faults", wanted, status=400)


Proof = Callable[[Merchant, Receiver], Awaitable[None]]
PROOFS: dict[str, Proof] = {
    proof.__name__: proof
    for proof in (
        *(delay, drop_request, drop_answer, break_answer, reset, http_status, content_type),
        *(notify_first, http_500, unsigned_error, refuse, system_error, gbk_sub_msg),
        *(buyer_confirms, in_process, password, cancel_retry, fund_change_n, full_refund_only),
        *(notify_twice, notify_late, notify_never, notify_out_of_order, notify_slow),
        *(notify_bad_signature, notify_wrong_key, notify_tamper, notify_extra_field),
        notify_variant,
    )
}
WITH_CERTIFICATES = {
    "rotate": test_certificates.test_the_rotate_fault,
    "cert_foreign": test_certificates.test_counterfeits,
    "cert_expired": test_certificates.test_counterfeits,
}


@pytest.mark.parametrize("kind", PROOFS)
async def test_does_what_its_line_says(merchant: Merchant, receiver: Receiver, kind: str) -> None:
    await PROOFS[kind](merchant, receiver)


async def test_no_kind_is_without_proof(merchant: Merchant) -> None:
    listed = {kind["fault"] for kind in (await merchant.admin("GET", "faults/kinds"))["kinds"]}
    assert listed == {*PROOFS, *test_fault_answers.CHECKS, *WITH_CERTIFICATES}
