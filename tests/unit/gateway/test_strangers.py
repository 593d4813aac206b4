"""Made-up cookies, devices, keys and routes: few look-ups, and who is known never suffers (§2)."""

import asyncio
import hashlib
import secrets

import pytest
from aiohttp import web

from gateway.limits import Strangers
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import SessionRevoked
from shared.errors import Unavailable
from tests.fixtures.clock import FixedClock
from tests.unit.gateway.auth.test_auth import (
    COOKIE,
    CREDENTIAL,
    CSRF,
    ME,
    ORDERS,
    cookie,
    me,
    sign_in,
)
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import DEVICE, ROUTE, TENANT, ask
from tests.unit.gateway.test_quotas import RESOLVE, SESSION, STEP_UP, at_once, people, slow

pytestmark = pytest.mark.asyncio


async def test_random_cookies_are_looked_up_a_few_times(town: Town) -> None:
    """Of 2,000 from one /64, 300 reach binding; who is known, or has just signed in, even from
    there, goes on as ever."""
    person = people(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    known, fresh = person(1), person(2)
    attacker = "2001:db8:1:2::1"
    assert (await ask(town.door, "GET", ORDERS, headers=known)).status == 200
    statuses = []
    for n in range(2000):
        made_up = cookie(secrets.token_hex(16))
        client = f"2001:db8:1:2::{n:x}"
        statuses.append(
            (await ask(town.door, "GET", ORDERS, headers=made_up, client=client)).status
        )
    assert statuses.count(401) == 300
    assert statuses.count(429) == 1700
    assert len(town.binding.calls(RESOLVE)) == 301
    town.clock.advance(16)  # the known one must be asked for again
    for _ in range(320):
        await ask(town.door, "GET", ORDERS, headers=cookie(secrets.token_hex(16)), client=attacker)
    got = await ask(town.door, "GET", ORDERS, headers=known, client=attacker)
    assert got.status == 200
    value = fresh["Cookie"].split("damselfly=")[1].split(";")[0]
    town.binding.on(
        "POST",
        SESSION,
        lambda _seen: web.json_response(
            {}, headers={"Set-Cookie": f"__Host-damselfly={value}; Path=/; Secure"}
        ),
    )
    assert (await ask(town.door, "GET", ORDERS, headers=fresh, client=attacker)).status == 429
    assert (await ask(town.door, "POST", SESSION, body=b"{}", client=attacker)).status == 200
    assert (await ask(town.door, "GET", ORDERS, headers=fresh, client=attacker)).status == 200


async def test_random_cookies_of_many_addresses_are_bounded_in_all(town: Town) -> None:
    person = people(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    known = person(1)
    assert (await ask(town.door, "GET", ORDERS, headers=known)).status == 200
    got = [
        await ask(
            town.door, "GET", ORDERS,
            headers=cookie(secrets.token_hex(16)), client=f"198.51.{n % 200}.{n // 200}",
        )
        for n in range(1050)
    ]  # fmt: skip
    assert [one.status for one in got].count(503) == 51, "1,000 at once, one for the known"
    assert len(town.binding.calls(RESOLVE)) == 1000
    assert (await ask(town.door, "GET", ORDERS, headers=known)).status == 200


async def test_made_up_names_push_nobody_out_of_memory(town: Town) -> None:
    """As many as a cache has places: those who were known are not asked for again."""
    town.device.on("GET", ME, {})
    assert (await me(town)).status == 200
    strangers = town.edge._devices._strangers
    strangers._burst = strangers._all._burst = 1e9
    cache = town.edge._devices._credentials
    cache._kept = 50
    for n in range(60):
        await me(town, device=f"01900000-0000-7000-8000-00000000{n:04x}")
    assert (await me(town)).status == 200
    assert len(town.device.calls(CREDENTIAL)) == 1
    assert len(cache) <= 50 + 2048


async def test_tills_behind_one_address_bear_a_hostile_neighbour(town: Town) -> None:
    """A shop behind NAT: what is known already is neither looked up nor slowed down, and a key id
    that somebody makes up for a till does not make the edge forget the till's own."""
    town.device.on("GET", ME, {})
    assert (await me(town)).status == 200
    for n in range(400):
        await me(town, device=f"01900000-0000-7000-8000-00000000{n:04x}")
        await me(town, key=f"k{n + 2}")
        await me(town, signature="0" * 64)
    assert (await me(town)).status == 200
    assert len(town.device.calls("credential")) <= 1 + 300
    await town.device.stop()
    assert await _known(town), "nobody made the edge forget it"


async def _known(town: Town) -> bool:
    return town.edge._devices._credentials.knows(DEVICE)


async def test_wrong_signatures_of_a_known_device_are_braked_by_address(town: Town) -> None:
    town.device.on("GET", ME, {})
    assert (await me(town)).status == 200
    got = [(await me(town, signature="0" * 64)).status for _ in range(320)]
    assert (got.count(401), got.count(429)) == (299, 21)
    assert (await me(town)).status == 200


async def test_made_up_notify_routes_are_looked_up_a_few_times(town: Town) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(400):
        path = f"/alipay/notify/{secrets.token_hex(12)}"
        got = await ask(town.door, "POST", path, body=b"a=1", headers=form)
        assert got.text == "fail"
    assert len(town.binding.calls("/internal/notify-routes/")) == 300
    await ask(
        town.door,
        "POST",
        f"/alipay/notify/{ROUTE}",
        body=b"a=1",
        headers=form,
        client="198.51.100.9",
    )
    assert town.binding.calls(f"/internal/notify-routes/{ROUTE}")


async def test_a_changed_session_is_no_stranger(town: Town) -> None:
    """Behind the address of somebody who has used up all look-ups: a step-up, one's own or heard
    of, and twenty requests at once after it."""
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    town.binding.on("POST", STEP_UP, {})
    mine = cookie(**{"X-CSRF-Token": CSRF})
    assert (await ask(town.door, "GET", ORDERS, headers=mine)).status == 200
    for _ in range(310):
        await ask(town.door, "GET", ORDERS, headers=cookie(secrets.token_hex(16)))
    for _ in range(3):
        assert (await ask(town.door, "POST", STEP_UP, body=b"{}", headers=mine)).status == 200
        reads = [ask(town.door, "GET", ORDERS, headers=mine) for _ in range(16)]
        assert {got.status for got in await asyncio.gather(*reads)} == {200}


async def test_many_at_once_of_one_unknown_device_are_one_stranger(town: Town) -> None:
    """After a start of the edge nobody is known: one look-up is one look-up."""
    town.device.on("GET", ME, {})
    town.edge._devices._strangers._burst = 1
    async with slow(town.device, "GET", CREDENTIAL):
        tasks = await at_once([me(town) for _ in range(40)], 0)
        assert len(town.device.calls(CREDENTIAL)) == 1
    answers = await asyncio.gather(*tasks)
    assert 429 not in {got.status for got in answers}, "only the first was counted"


async def test_an_ended_session_is_a_stranger(town: Town) -> None:
    """Its cookie is looked up like any other that nobody knows."""
    sign_in(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})
    assert (await ask(town.door, "GET", ORDERS, headers=cookie())).status == 200
    town.binding.on("POST", RESOLVE, lambda _seen: web.json_response({"code": "x"}, status=404))
    digest = hashlib.sha256(COOKIE.encode()).hexdigest()
    town.edge.on_event(SessionRevoked(**stamp(TENANT, town.clock), session_hash=digest))
    got = []
    for _ in range(310):
        town.edge._sessions._sessions._missing.clear()
        got.append((await ask(town.door, "GET", ORDERS, headers=cookie())).status)
    assert (got.count(401), got.count(429)) == (300, 10)


async def test_a_look_up_that_hangs_holds_few_places(clock: FixedClock) -> None:
    """Whoever waits for one holds a place of the edge, and four kinds of strangers wait apart."""
    strangers, go = Strangers(clock), asyncio.Event()

    async def look_up(number: int) -> bool:
        try:
            async with strangers.lookup(f"192.0.2.{number % 250}"):
                await go.wait()
        except Unavailable:
            return False
        return True

    tries = [asyncio.ensure_future(look_up(number)) for number in range(900)]
    await asyncio.sleep(0)
    assert sum(not one.done() for one in tries) < 1024 / 5
    go.set()
    assert sum(await asyncio.gather(*tries)) > 100
    assert await look_up(1), "and the places come back"
