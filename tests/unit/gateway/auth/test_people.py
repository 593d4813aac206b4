"""What the edge makes of a person: step-up, acting, store scope, and an address that nobody can
make up (S131, ASVS 7.5.3, 4.1.3)."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events.base import stamp
from shared.contracts.events.binding import SessionChanged
from shared.contracts.principal import Principal
from tests.unit.gateway.auth.test_auth import COOKIE, CSRF, ORDERS, cookie, sign_in
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import STORE, TENANT, ask

MERCHANT = UUID("01900000-0000-7000-8000-0000000000a7")
GRANT = "01900000-0000-7000-8000-0000000000a8"
STEP_UP = "/api/merchant/v1/session/step-up"
MERCHANTS = "/api/operator/v1/merchants"
pytestmark = pytest.mark.asyncio


def told(town: Town, service: str, path: str) -> Principal:
    """Who the service was told is asking, the last time."""
    neighbour = getattr(town, service)
    seen = neighbour.calls(path)[-1]
    return town.verifier(service).verify(seen.headers["authorization"].removeprefix("Bearer "))


def grant(town: Town, minutes: int = 10) -> dict[str, Any]:
    return {
        "acting_id": GRANT, "tenant_id": str(MERCHANT), "permissions": ["orders.read"],
        "until": (town.clock.now() + timedelta(minutes=minutes)).isoformat(), "more": [],
    }  # fmt: skip


async def test_a_step_up_counts_at_once_and_for_its_time(town: Town) -> None:
    """The edge that passed the step-up on asks for the session anew; so does any other, by the
    event."""
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    town.binding.on("POST", STEP_UP, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert told(town, "order", ORDERS).step_up_until is None
    until = town.clock.now() + timedelta(minutes=5)
    sign_in(town.binding, town.clock, step_up_until=until.isoformat())
    headers = cookie(**{"X-CSRF-Token": CSRF})
    assert (await ask(town.door, "POST", STEP_UP, body=b"{}", headers=headers)).status == 200
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert told(town, "order", ORDERS).step_up_until == until
    town.clock.advance(301)
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert told(town, "order", ORDERS).step_up_until is None


async def test_a_step_up_needs_a_session_and_its_csrf_token(town: Town) -> None:
    """It shares its first segments with signing in, which is public; it is not."""
    sign_in(town.binding, town.clock)
    town.binding.on("POST", STEP_UP, {})
    for headers, status in (({}, 401), (cookie(), 403), (cookie(**{"X-CSRF-Token": "x"}), 403)):
        got = await ask(town.door, "POST", STEP_UP, body=b"{}", headers=headers)
        assert got.status == status
    assert not town.binding.calls(STEP_UP)


async def test_another_edges_step_up_is_heard_of(town: Town) -> None:
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    digest = hashlib.sha256(COOKIE.encode()).hexdigest()
    town.edge.on_event(SessionChanged(**stamp(TENANT, town.clock), session_hash=digest))
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert len(town.binding.calls("resolve")) == 2


async def test_acting_is_for_one_console_one_merchant_and_a_while(town: Town) -> None:
    sign_in(town.binding, town.clock, permissions=["merchants.read"], acting=grant(town))
    town.order.on("GET", ORDERS, {})
    town.binding.on("GET", MERCHANTS, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    there = told(town, "order", ORDERS)
    assert (there.tenant_id, there.permissions) == (MERCHANT, {"orders.read"})
    assert there.acting_id == UUID(GRANT)
    await ask(town.door, "GET", MERCHANTS, headers=cookie())
    home = told(town, "binding", MERCHANTS)
    assert (home.tenant_id, home.permissions, home.acting_id) == (TENANT, {"merchants.read"}, None)
    town.clock.advance(600)
    await ask(town.door, "GET", ORDERS, headers=cookie())
    over = told(town, "order", ORDERS)
    assert (over.tenant_id, over.permissions, over.acting_id) == (TENANT, {"merchants.read"}, None)


async def test_what_was_given_on_top_ends_at_its_own_time(town: Town) -> None:
    """The edge believes a session for some seconds, but no grant beyond its end, and none beyond
    the acting itself."""
    until = (town.clock.now() + timedelta(minutes=5)).isoformat()
    more = [{"permissions": ["stores.write"], "until": until}]
    sign_in(town.binding, town.clock, permissions=["merchants.read"], acting=grant(town)
        | {"more": more})  # fmt: skip
    town.order.on("GET", ORDERS, {})
    for advance, permissions in (
        (0, {"orders.read", "stores.write"}),
        (299, {"orders.read", "stores.write"}),
        (1, {"orders.read"}),
        (300, {"merchants.read"}),
    ):
        town.clock.advance(advance)
        await ask(town.door, "GET", ORDERS, headers=cookie())
        assert told(town, "order", ORDERS).permissions == permissions


async def test_more_never_outlives_the_acting(town: Town) -> None:
    until = (town.clock.now() + timedelta(hours=8)).isoformat()
    more = [{"permissions": ["stores.write"], "until": until}]
    acting = grant(town, minutes=1) | {"more": more}
    sign_in(town.binding, town.clock, permissions=["merchants.read"], acting=acting)
    town.order.on("GET", ORDERS, {})
    town.clock.advance(60)
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert "stores.write" not in told(town, "order", ORDERS).permissions


async def test_the_store_scope_goes_inward(town: Town) -> None:
    sign_in(town.binding, town.clock, store_ids=[str(STORE)])
    town.order.on("GET", ORDERS, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    caller = told(town, "order", ORDERS)
    assert caller.store_ids == {UUID(str(STORE))}


async def test_nobody_names_his_own_address(town: Town) -> None:
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    forged = cookie(**{"X-Client-Address": "9.9.9.9", "User-Agent": "till/1"})
    await ask(town.door, "GET", ORDERS, headers=forged)
    seen = town.order.calls(ORDERS)[-1]
    assert seen.headers.get("x-client-address") != "9.9.9.9"
    assert seen.headers["user-agent"] == "till/1"
