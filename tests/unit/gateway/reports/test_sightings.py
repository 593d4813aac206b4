"""When a device was last seen: noted of each signed request, told to the device service once a
minute and device, never once a payment."""

from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from shared.contracts.events.base import stamp
from shared.contracts.events.device import DeviceMoved
from shared.keys.sealed import LocalKeyProvider
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import (
    DEVICE,
    NOON_S,
    STORE,
    TENANT,
    ask,
    credential_document,
    device_headers,
)

ME, PAY = "/api/device/v1/me", "/api/device/v1/payments"
REWARD = "/api/device/v1/rewards/p1"
TOLD = "/internal/device-uses"
BODY = b'{"amount_fen":1}'
pytestmark = pytest.mark.asyncio


def items(town: Town) -> list[dict[str, Any]]:
    return [item for seen in town.device.calls(TOLD) for item in seen.json()["items"]]


async def send(town: Town, method: str, path: str, **changed: Any) -> int:
    body = BODY if method == "POST" else b""
    got = await ask(
        town.door, method, path, body=body, headers=device_headers(method, path, body, **changed)
    )
    return got.status


@pytest.fixture(autouse=True)
def neighbours_answer(town: Town) -> None:
    town.device.on("POST", TOLD, lambda _seen: web.Response(status=204))
    town.device.on("GET", ME, {})
    town.payment.on("POST", PAY, {})
    town.campaign.on("GET", REWARD, {})


@pytest.mark.parametrize(("method", "path"), [("GET", ME), ("POST", PAY), ("GET", REWARD)])
async def test_any_signed_request_is_a_sighting(town: Town, method: str, path: str) -> None:
    assert await send(town, method, path) == 200
    await town.edge._device_uses.report()
    (told,) = items(town)
    assert datetime.fromisoformat(told.pop("used_at")) == town.clock.now()
    assert told == {"tenant_id": str(TENANT), "device_id": DEVICE}


async def test_a_hundred_payments_are_one_report(town: Town) -> None:
    for _ in range(100):
        assert await send(town, "POST", PAY) == 200
    assert not town.device.calls(TOLD), "a payment waits for no report"
    await town.edge._device_uses.report()
    assert len(items(town)) == 1
    town.clock.advance(59)
    await send(town, "POST", PAY, at=NOON_S + 59)
    await town.edge._device_uses.report()
    assert len(items(town)) == 1, "again within the minute"
    town.clock.advance(1)
    await town.edge._device_uses.report()
    assert len(items(town)) == 2


@pytest.mark.parametrize(
    "changed", [{"signature": "0" * 64}, {"key": "k2"}, {"at": NOON_S - 301}, {"nonce": "0" * 32}]
)
async def test_who_is_not_believed_is_not_seen(town: Town, changed: dict[str, Any]) -> None:
    assert await send(town, "POST", PAY, **changed) == 401
    await town.edge._device_uses.report()
    assert items(town) == []


async def test_an_edge_that_stops_tells_the_rest(town: Town) -> None:
    await send(town, "POST", PAY)
    await town.edge._device_uses.report()
    town.clock.advance(30)
    await send(town, "POST", PAY, at=NOON_S + 30)
    await town.edge.aclose()
    assert datetime.fromisoformat(items(town)[-1]["used_at"]) == town.clock.now()


async def test_payments_go_on_while_the_device_service_is_away(town: Town) -> None:
    town.device.on("POST", TOLD, lambda _seen: web.json_response({}, status=503))
    assert await send(town, "POST", PAY) == 200
    await town.edge._device_uses.report()
    assert await send(town, "POST", PAY) == 200
    town.device.on("POST", TOLD, lambda _seen: web.Response(status=204))
    await town.edge._device_uses.report()
    assert len(items(town)) == 2, "what was not taken is told again"


async def test_a_moved_device_takes_payments_for_its_new_store(
    town: Town, kek: LocalKeyProvider
) -> None:
    """By its event, not when its credential gets old."""
    payment = town.verifier("payment")

    def store_of_last() -> object:
        token = town.payment.seen[-1].headers["authorization"].removeprefix("Bearer ")
        return payment.verify(token).store_id

    assert await send(town, "POST", PAY) == 200
    assert store_of_last() == STORE
    other = TENANT
    moved = {**credential_document(kek), "store_id": str(other)}
    town.device.on("GET", f"/internal/devices/{DEVICE}/credential", moved)
    event = DeviceMoved(**stamp(TENANT, town.clock), device_id=DEVICE, store_id=other)
    town.edge.on_event(event)
    assert await send(town, "POST", PAY) == 200
    assert store_of_last() == other
