"""Each public SDK pays, asks, refunds and cancels at the sandbox, its verification on."""

from collections.abc import Callable

import pytest

from deploy.sandbox.alipay.methods import METHODS
from tests.conformance.sdk_drivers import NAMES, WITH_CERTIFICATES, Drivers, private_key
from tests.conformance.sdk_sandbox import Sandbox, Shop, face_code, new_order_no, pay_content
from tests.fixtures.keys import RsaPair

pytestmark = pytest.mark.sdks
PAY, QUERY, REFUND = "alipay.trade.pay", "alipay.trade.query", "alipay.trade.refund"
REFUND_QUERY, CANCEL = "alipay.trade.fastpay.refund.query", "alipay.trade.cancel"
CLOSE, PRECREATE = "alipay.trade.close", "alipay.trade.precreate"
BOTH_MODES = [(name, "key") for name in NAMES] + [(name, "cert") for name in WITH_CERTIFICATES]


@pytest.fixture(scope="module")
def shop_of(drivers: Drivers, sandbox: Sandbox, app_keys: RsaPair) -> Callable[[str, str], Shop]:
    shops: dict[tuple[str, str], Shop] = {}

    def find(sdk: str, mode: str) -> Shop:
        if (sdk, mode) not in shops:
            shops[sdk, mode] = Shop.opened(sdk, mode, drivers, sandbox, app_keys)
        return shops[sdk, mode]

    return find


@pytest.fixture(params=BOTH_MODES, ids=lambda pair: "-".join(pair))
def shop(request: pytest.FixtureRequest, shop_of: Callable[[str, str], Shop]) -> Shop:
    return shop_of(*request.param)


def test_a_bar_code_and_a_face_pay(shop: Shop) -> None:
    """Text with plus, per cent, Chinese and an emoji goes there and back."""
    for changed in ({}, {"scene": "security_code", "auth_code": face_code()}):
        content = pay_content(**changed)
        node = shop.good(PAY, content, notify_url="http://127.0.0.1:9/n?a=1&b=2")
        assert node["out_trade_no"] == content["out_trade_no"]
        assert node["total_amount"] == "0.12"
        (trade,) = [
            trade
            for trade in shop.sandbox.admin("GET", f"trades?app_id={shop.app['app_id']}")["trades"]
            if trade["out_trade_no"] == content["out_trade_no"]
        ]
        assert (trade["status"], trade["total_fen"]) == ("TRADE_SUCCESS", 12)
    verdicts = {request["verdict"] for request in shop.requests(PAY)}
    assert verdicts == {"accepted"}, "the sandbox believed each of the SDK's signatures"


def test_query_refund_and_refund_query(shop: Shop) -> None:
    order_no = shop.pay()["out_trade_no"]
    assert shop.good(QUERY, {"out_trade_no": order_no})["trade_status"] == "TRADE_SUCCESS"
    refund = {"out_trade_no": order_no, "refund_amount": "0.05", "out_request_no": "R1"}
    refunded = shop.good(REFUND, refund)
    assert (refunded["fund_change"], refunded["refund_fee"]) == ("Y", "0.05")
    assert shop.good(REFUND, refund)["fund_change"] == "N", "the same refund is done once"
    asked = shop.good(REFUND_QUERY, {"out_trade_no": order_no, "out_request_no": "R1"})
    assert (asked["refund_status"], asked["refund_amount"]) == ("REFUND_SUCCESS", "0.05")
    assert shop.good(QUERY, {"out_trade_no": order_no})["trade_status"] == "TRADE_SUCCESS"


def test_cancel(shop: Shop) -> None:
    order_no = shop.pay()["out_trade_no"]
    cancelled = shop.good(CANCEL, {"out_trade_no": order_no})
    assert (cancelled["action"], cancelled["retry_flag"]) == ("refund", "N")
    assert shop.good(QUERY, {"out_trade_no": order_no})["trade_status"] == "TRADE_CLOSED"


def test_a_refusal_by_the_business(shop: Shop) -> None:
    """Signed, so each SDK hands it over; gopay does before it looks at the signature."""
    told = shop.call(QUERY, {"out_trade_no": "no-such-order"})
    assert told["verdict"] == ("unverified" if shop.sdk == "go_gopay" else "verified")
    assert (told["node"]["code"], told["node"]["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")


def test_a_payment_in_process(shop: Shop) -> None:
    """10003, with the leading blank in its message that trimming code stumbles over."""
    shop.fault("in_process", PAY, ms=60_000)
    told = shop.call(PAY, pay_content())
    assert (told["verdict"], told["node"]["code"]) == ("verified", "10003")
    assert told["node"]["msg"] == " order success pay inprocess"
    cancelled = shop.good(CANCEL, {"out_trade_no": told["node"]["out_trade_no"]})
    assert cancelled["action"] == "close"


def test_close_and_precreate(shop: Shop) -> None:
    shop.fault("in_process", PAY, ms=60_000)
    pending = shop.call(PAY, pay_content())["node"]["out_trade_no"]
    assert shop.good(CLOSE, {"out_trade_no": pending})["out_trade_no"] == pending
    assert shop.good(QUERY, {"out_trade_no": pending})["trade_status"] == "TRADE_CLOSED"
    if PRECREATE in METHODS:  # as soon as the sandbox plays it
        content = {"out_trade_no": new_order_no(), "subject": "咖啡", "total_amount": "0.12"}
        node = shop.good(PRECREATE, content)
        assert node["qr_code"].startswith("https://qr.alipay.com/"), "with its slashes read"


def test_a_request_signed_by_somebody_else(
    shop_of: Callable[[str, str], Shop], drivers: Drivers, sandbox: Sandbox, other_keys: RsaPair
) -> None:
    """Answered in the method's node and signed, so that each SDK shows what is wrong."""
    for sdk in NAMES:
        known = shop_of(sdk, "key")
        told = drivers.ask(
            sdk, do="open", name=f"{sdk} stranger", gateway=sandbox.gateway,
            app_id=known.app["app_id"], alipay_public_key=known.app["alipay_public_key"],
            **private_key(other_keys),
        )  # fmt: skip
        assert told == {}
        told = drivers.ask(
            sdk, do="call", name=f"{sdk} stranger", method=QUERY, biz={"out_trade_no": "x"}
        )
        assert told["verdict"] == ("unverified" if sdk == "go_gopay" else "verified"), (sdk, told)
        found = (told["node"]["code"], told["node"]["sub_code"])
        assert found == ("40002", "isv.invalid-signature"), sdk
