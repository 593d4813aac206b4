"""When a key was last used: seen where it signs, told to binding once a minute and key, never once
a payment."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from gateway.alipay.methods.table import METHODS
from gateway.reports.usage import AppKeyUse
from tests.fixtures.keys import RsaPair
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import APP_ID, TENANT, Got, answer_body, ask

TOLD = "/internal/app-key-uses"
QUERY = "alipay.trade.query"
pytestmark = pytest.mark.asyncio


@pytest.fixture
def alipay_answers(town: Town, alipay_keys: RsaPair) -> None:
    node = {"code": "40004", "msg": "x", "sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "x",
            "out_trade_no": "a" * 32}  # fmt: skip
    body = answer_body(QUERY, node, alipay_keys.private)
    town.alipay.on("POST", "/gateway.do", lambda _seen: web.Response(body=body))


async def query(town: Town) -> Got:
    assert QUERY in METHODS
    token = town.keys.signer("payment", town.clock).issue(
        "egress", kind="service", subject="payment", tenant_id=TENANT
    )
    body = json.dumps({"app_id": APP_ID, "params": {"out_trade_no": "a" * 32}}).encode()
    return await ask(
        town.egress_door, "POST", f"/alipay/{QUERY}", body=body,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


def items(town: Town) -> list[dict[str, Any]]:
    return [item for seen in town.binding.calls(TOLD) for item in seen.json()["items"]]


@pytest.mark.usefixtures("alipay_answers")
async def test_a_hundred_payments_are_one_report(town: Town) -> None:
    town.binding.on("POST", TOLD, lambda _seen: web.Response(status=204))
    await town.egress._key_uses.report()
    assert not town.binding.calls(TOLD), "nothing was used, nothing is said"
    for _ in range(100):
        assert (await query(town)).json()["outcome"] == "not_found"
    await town.egress._key_uses.report()
    (told,) = items(town)
    assert datetime.fromisoformat(told.pop("used_at")) == town.clock.now()
    assert told == {"tenant_id": str(TENANT), "app_id": APP_ID, "key_version": 1}

    await query(town)
    await town.egress._key_uses.report()
    assert len(items(town)) == 1, "again within the minute"
    town.clock.advance(60)
    await query(town)
    await town.egress._key_uses.report()
    assert datetime.fromisoformat(items(town)[-1]["used_at"]) == town.clock.now()
    assert len(items(town)) == 2


@pytest.mark.usefixtures("alipay_answers")
async def test_what_binding_does_not_hear_is_told_later(town: Town) -> None:
    """Neither a payment nor the report fails because binding is away."""
    town.binding.on("POST", TOLD, lambda _seen: web.json_response({}, status=503))
    await query(town)
    await town.egress._key_uses.report()
    first = town.clock.now()
    town.clock.advance(5)
    town.binding.on("POST", TOLD, lambda _seen: web.Response(status=204))
    await town.egress._key_uses.report()
    assert datetime.fromisoformat(items(town)[-1]["used_at"]) == first


@pytest.mark.usefixtures("alipay_answers")
async def test_an_egress_that_stops_tells_the_rest(town: Town) -> None:
    """A restart loses nothing: what was seen since the last report goes out at the end."""
    town.binding.on("POST", TOLD, lambda _seen: web.Response(status=204))
    await query(town)
    await town.egress._key_uses.report()
    town.clock.advance(30)
    await query(town)
    await town.egress.aclose()
    assert [datetime.fromisoformat(item["used_at"]) for item in items(town)][-1] == town.clock.now()


async def test_memory_and_reports_are_bounded(town: Town) -> None:
    town.binding.on("POST", TOLD, lambda _seen: web.Response(status=204))
    for number in range(8192 + 20):
        town.egress._key_uses.note(AppKeyUse(TENANT, f"{number:016d}", 1))
    await town.egress._key_uses.report()
    said = [len(seen.json()["items"]) for seen in town.binding.calls(TOLD)]
    assert (sum(said), max(said)) == (8192, 100)
    assert len(town.egress._key_uses._reported_at) == 8192


async def test_a_use_while_the_report_is_under_way_is_kept(town: Town) -> None:
    """Used again at the moment the report leaves: the newer instant is told with the next one."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_seen: object) -> web.Response:
        reached.set()
        await go_on.wait()
        return web.json_response({}, status=503)

    town.binding.on("POST", TOLD, slowly)
    key = AppKeyUse(TENANT, APP_ID, 1)
    town.egress._key_uses.note(key)
    async with asyncio.TaskGroup() as group:
        group.create_task(town.egress._key_uses.report())
        await reached.wait()
        town.clock.advance(7)
        town.egress._key_uses.note(key)
        go_on.set()
    town.binding.on("POST", TOLD, lambda _seen: web.Response(status=204))
    await town.egress._key_uses.report()
    assert datetime.fromisoformat(items(town)[-1]["used_at"]) == town.clock.now()
