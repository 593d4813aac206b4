"""What the signed doors refused: numbers that reach payment, and never a row or a line each."""

import base64

import pytest
from aiohttp import web

from tests.fixtures.keys import RsaPair
from tests.unit.gateway.alipay.inbound.test_notify import FIELDS, send, signed
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import APP_ID, TENANT

pytestmark = pytest.mark.asyncio

TOLD = "/internal/notify-refusals"


async def test_a_thousand_forgeries_are_one_item(town: Town, other_keys: RsaPair) -> None:
    """§5.8.10: counted by app and reason, with the last one as an example."""
    town.payment.on("POST", TOLD, {"taken": 1})
    forged = signed(other_keys)
    for _ in range(300):
        assert (await send(town, forged)).body == b"fail"
    await send(town, forged, path="/alipay/notify/unknown-route")
    await town.edge._refusals.report()
    (seen,) = town.payment.calls(TOLD)
    items = {item["reason"]: item for item in seen.json()["items"]}
    assert set(items) == {"signature", "unknown_route"}
    known = items["signature"]
    assert (known["refused"], known["tenant_id"], known["app_id"]) == (300, str(TENANT), APP_ID)
    assert known["out_trade_no"] == FIELDS["out_trade_no"]
    assert len(base64.b64decode(known["body_b64"])) <= 2048
    assert (items["unknown_route"]["tenant_id"], items["unknown_route"]["app_id"]) == (None, "")
    await town.edge._refusals.report()
    assert len(town.payment.calls(TOLD)) == 1, "nothing new, nothing said"


async def test_what_payment_does_not_take_is_told_again(town: Town, other_keys: RsaPair) -> None:
    town.payment.on("POST", TOLD, lambda _seen: web.json_response({}, status=503))
    forged = signed(other_keys)
    await send(town, forged)
    await town.edge._refusals.report()
    await send(town, forged)
    town.payment.on("POST", TOLD, {"taken": 1})
    await town.edge._refusals.report()
    (item,) = town.payment.calls(TOLD)[-1].json()["items"]
    assert item["refused"] == 2


async def test_tallies_are_bounded(town: Town) -> None:
    refusals = town.edge._refusals
    for number in range(1024 + 50):
        refusals.note(
            "signature", tenant_id=TENANT, app_id=str(number), client="203.0.113.7",
            out_trade_no="", body=b"",
        )  # fmt: skip
    assert len(refusals._tallies) == 1024 + 1
    assert refusals._tallies[None, "", "signature"].refused == 50
    town.payment.on("POST", TOLD, {"taken": 1})
    await refusals.report()
    said = [seen.json()["items"] for seen in town.payment.calls(TOLD)]
    assert max(len(items) for items in said) == 16
    assert sum(item["refused"] for items in said for item in items) == 1024 + 50


async def test_one_line_a_second_and_reason(
    town: Town, other_keys: RsaPair, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A flood must not fill the disk with log lines either."""
    forged = signed(other_keys)
    for _ in range(50):
        await send(town, forged)
    town.clock.advance(1)
    await send(town, forged)
    assert capsysbinary.readouterr().out.count(b"notify.refused") == 2
