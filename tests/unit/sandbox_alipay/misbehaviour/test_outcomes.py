"""How the next payment of an app ends, chosen by whoever rehearses: once, and that app's alone."""

from datetime import datetime, timedelta, timezone

import aiohttp
import pytest

from tests.unit.sandbox_alipay.merchant import Merchant, bar_code, new_no

BEIJING = timezone(timedelta(hours=8))
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


async def test_an_app_may_live_in_the_past(merchant: Merchant) -> None:
    """Its requests are done at the time that they say, others' now; never in the future."""
    other = Merchant(merchant.http, merchant.base, merchant.key)
    await other.register()
    then = (datetime.now(BEIJING) - timedelta(days=3)).replace(microsecond=0)
    merchant.extra["timestamp"] = other.extra["timestamp"] = f"{then:%Y-%m-%d %H:%M:%S}"
    wanted = {"app_id": merchant.app_id, "on": True}
    assert (await merchant.admin("POST", "backdating", wanted))["app_ids"] == [merchant.app_id]
    assert await created(merchant) == then
    assert datetime.now(BEIJING) - await created(other) < timedelta(minutes=1)
    merchant.extra["timestamp"] = "2099-01-01 00:00:00"
    assert await created(merchant) <= datetime.now(BEIJING)
    merchant.extra["timestamp"] = "2001-01-01 00:00:00"
    assert datetime.now(BEIJING) - await created(merchant) < timedelta(days=31)
    assert (await merchant.admin("POST", "backdating", {**wanted, "on": False}))["app_ids"] == []
    merchant.extra["timestamp"] = f"{then:%Y-%m-%d %H:%M:%S}"
    assert datetime.now(BEIJING) - await created(merchant) < timedelta(minutes=1)
    await merchant.admin("POST", "backdating", {"on": True}, 400)


async def created(merchant: Merchant) -> datetime:
    """When a sale of now was made, by the sandbox's books."""
    no = new_no()
    assert (await merchant.pay(no))["code"] == "10000"
    trade = await merchant.admin("GET", f"trades/{no}?app_id={merchant.app_id}")
    found = datetime.fromisoformat(trade["created_at"])
    assert datetime.fromisoformat(trade["paid_at"]) == found
    return found


@pytest.mark.parametrize("ending", ["paid", "refused", "buyer_confirms", "unknown"])
async def test_a_sale_with_an_ending_of_its_own_meets_no_other(
    merchant: Merchant, ending: str
) -> None:
    """Two use one app at once: one who chose for the next sale, and one who names the sale."""
    code = bar_code()
    await choose(merchant, ending, auth_code=code)
    await choose(merchant, "refused")
    asked = {"auth_code": code}
    if ending == "unknown":
        with pytest.raises(aiohttp.ClientError):
            await merchant.pay(new_no(), **asked)
    else:
        answer = await merchant.pay(new_no(), **asked)
        refused = "ACQ.BUYER_BALANCE_NOT_ENOUGH" if ending == "refused" else None
        assert answer.get("sub_code") == refused
        assert answer["code"] == {"paid": "10000", "buyer_confirms": "10003"}.get(ending, "40004")
    told = [(await merchant.pay(new_no())).get("sub_code") for _ in range(2)]
    assert told == ["ACQ.BUYER_BALANCE_NOT_ENOUGH", None], "the choice for the next is still there"


async def test_an_ending_of_its_own_waits_for_its_sale(merchant: Merchant) -> None:
    """Sales of others do not meet it, and it is taken back without touching their choices."""
    code = bar_code()
    await choose(merchant, "unknown", auth_code=code)
    assert (await merchant.pay(new_no()))["code"] == "10000"
    await choose(merchant, "refused")
    await choose(merchant, "paid", auth_code="28" + "0" * 16)
    query = f"outcomes?app_id={merchant.app_id}&auth_code={code}"
    for forgotten in (True, False):
        assert (await merchant.admin("DELETE", query))["forgotten"] is forgotten
    left = (await merchant.admin("GET", "faults"))["faults"]
    assert [one["fault"] for one in left if one["left"] != 0] == ["refuse"]
    assert (await merchant.pay(new_no(), auth_code=code))["code"] == "40004", "like any other"


async def test_what_is_no_choice_is_refused(merchant: Merchant) -> None:
    await choose(merchant, "paid", 400, auth_code=1)
    await choose(merchant, "paid", 400, auth_code="")
    await choose(merchant, "rich", 400)
    await choose(merchant, None, 400)
    await choose(merchant, "paid", 400, app_id="")
