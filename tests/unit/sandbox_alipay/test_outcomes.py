"""How the next payment of an app ends, chosen by whoever rehearses: once, and that app's alone."""

import aiohttp
import pytest

from tests.unit.sandbox_alipay.merchant import Merchant, new_no

pytestmark = pytest.mark.asyncio


async def choose(merchant: Merchant, outcome: object, status: int = 200, **more: object) -> None:
    wanted = {"app_id": merchant.app_id, "outcome": outcome, **more}
    await merchant.admin("POST", "outcomes", wanted, status)


async def test_a_refusal_meets_one_payment_of_that_app(merchant: Merchant) -> None:
    other = Merchant(merchant.http, merchant.base, merchant.key)
    await other.register()
    await choose(merchant, "refused")
    assert (await other.pay(new_no()))["code"] == "10000"
    told = [(await merchant.pay(new_no())).get("sub_code") for _ in range(2)]
    assert told == ["ACQ.BUYER_BALANCE_NOT_ENOUGH", None]


async def test_a_buyer_who_confirms_does_so_later(merchant: Merchant) -> None:
    await choose(merchant, "buyer_confirms")
    no = new_no()
    assert (await merchant.pay(no))["code"] == "10003"
    assert (await merchant.query(no))["trade_status"] == "WAIT_BUYER_PAY"
    assert (await merchant.pay(new_no()))["code"] == "10000"


async def test_an_unknown_one_was_paid(merchant: Merchant) -> None:
    await choose(merchant, "unknown")
    no = new_no()
    with pytest.raises(aiohttp.ClientError):
        await merchant.pay(no)
    assert (await merchant.query(no))["trade_status"] == "TRADE_SUCCESS"


async def test_the_last_choice_counts(merchant: Merchant) -> None:
    """Also "paid" after another; switches that somebody else has put stay."""
    await merchant.fault("notify_never")
    await choose(merchant, "refused")
    await choose(merchant, "buyer_confirms")
    assert (await merchant.pay(new_no()))["code"] == "10003"
    await choose(merchant, "refused")
    await choose(merchant, "paid")
    assert (await merchant.pay(new_no()))["code"] == "10000"
    left = (await merchant.admin("GET", "faults"))["faults"]
    assert [one["fault"] for one in left if one["left"] != 0] == ["notify_never"]


async def test_what_is_no_choice_is_refused(merchant: Merchant) -> None:
    await choose(merchant, "rich", 400)
    await choose(merchant, None, 400)
    await choose(merchant, "paid", 400, app_id="")
