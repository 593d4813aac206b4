"""Fair shares: what one person, merchant, device or address may hold and ask, and that nobody else
feels it (§2 quotas)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from gateway.config import EdgeConfig, ProxiesNotConfigured
from gateway.limits import RefusalDelay
from gateway.routing import ROUTES, match, table
from tests.fixtures.clock import FixedClock
from tests.unit.gateway.auth.test_auth import CSRF, ME, ORDERS, cookie, me
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import (
    NOON_S,
    Got,
    Neighbour,
    Seen,
    ask,
    device_headers,
)

STEP_UP = "/api/merchant/v1/session/step-up"
SESSION = "/api/merchant/v1/session"
STORES = "/api/merchant/v1/stores"
PAY = "/api/device/v1/payments"
RESOLVE = "/internal/sessions/resolve"
STORM = 70
pytestmark = pytest.mark.asyncio


def people(binding: Neighbour, clock: FixedClock) -> Callable[..., dict[str, str]]:
    """Sessions by cookie, `person@merchant`; gives the headers of one."""
    known: dict[str, dict[str, Any]] = {}

    def resolve(seen: Seen) -> Any:
        found = known.get(seen.json()["session_hash"])
        refusal = {"code": "not_found", "title": ""}
        return found or web.json_response(refusal, status=404)

    binding.on("POST", RESOLVE, resolve)

    def headers(person: int, merchant: int = 1) -> dict[str, str]:
        value = f"cookie-of-{person}"
        known[hashlib.sha256(value.encode()).hexdigest()] = {
            "session_id": f"01900000-0000-7000-8000-00000000e{person:03d}",
            "user_id": f"01900000-0000-7000-8000-00000000f{person:03d}",
            "tenant_id": f"01900000-0000-7000-8000-00000000a{merchant:03d}",
            "permissions": [],
            "csrf_token_hash": hashlib.sha256(CSRF.encode()).hexdigest(),
            "expires_at": (clock.now() + timedelta(hours=1)).isoformat(),
            "name": "",
            "store_ids": [],
            "step_up_until": None,
            "acting": None,
        }
        return cookie(value, **{"X-CSRF-Token": CSRF})

    return headers


@asynccontextmanager
async def slow(neighbour: Neighbour, method: str, path: str) -> AsyncIterator[None]:
    """That door answers when the block ends."""
    release = asyncio.Event()

    async def answer(_seen: Seen) -> web.Response:
        await release.wait()
        return web.json_response({})

    neighbour.on(method, path, answer)
    try:
        yield
    finally:
        release.set()


async def at_once(calls: list[Any], refused: int) -> list["asyncio.Task[Got]"]:
    """Starts all; back when so many have been refused."""
    tasks = [asyncio.ensure_future(one) for one in calls]
    async with asyncio.timeout(20):
        while sum(task.done() for task in tasks) < refused:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    return tasks


def refusals(tasks: list["asyncio.Task[Got]"]) -> list[tuple[int, str]]:
    found = []
    for task in tasks:
        if task.done():
            got = task.result()
            assert got.headers["content-type"] == "application/problem+json"
            assert got.json()["retry_after_s"] >= 1
            assert int(got.headers["retry-after"]) >= 1
            found.append((got.status, got.json()["code"]))
    return found


@pytest.mark.parametrize(
    "path",
    [STEP_UP, "/api/merchant/v1/apps/key-pairs", "/api/merchant/v1/audit/verify",
     "/api/merchant/v1/password", "/api/merchant/v1/apps/key-check"],
)  # fmt: skip
async def test_a_storm_of_costly_acts_stops_nobody_else(town: Town, path: str) -> None:
    """70 at once of one person: two get through, and everybody else signs in and works."""
    person = people(town.binding, town.clock)
    stormy, other = person(1), person(2, merchant=2)
    town.binding.on("POST", SESSION, {})
    town.binding.on("GET", STORES, {})
    async with slow(town.binding, "POST", path):
        tasks = await at_once(
            [ask(town.door, "POST", path, body=b"{}", headers=stormy) for _ in range(STORM)],
            STORM - 2,
        )
        assert refusals(tasks) == [(429, "rate.limited")] * (STORM - 2)
        async with asyncio.timeout(20):
            while len(town.binding.calls(path)) < 2:  # refusals come sooner than these get there
                await asyncio.sleep(0.005)
        assert len(town.binding.calls(path)) == 2
        login = await ask(town.door, "POST", SESSION, body=b"{}", client="198.51.100.1")
        assert login.status == 200
        assert (await ask(town.door, "GET", STORES, headers=other)).status == 200
        assert (await ask(town.door, "GET", STORES, headers=stormy)).status == 200
    assert sorted(got.status for got in await asyncio.gather(*tasks))[:2] == [200, 200]


async def test_costly_acts_of_many_leave_signing_in_and_pages_alone(town: Town) -> None:
    person = people(town.binding, town.clock)
    town.binding.on("POST", SESSION, {})
    town.binding.on("GET", STORES, {})
    async with slow(town.binding, "POST", STEP_UP):
        calls = [
            ask(town.door, "POST", STEP_UP, body=b"{}", headers=person(n, merchant=n))
            for n in range(30)
        ]
        tasks = await at_once(calls, 30 - 8)
        assert refusals(tasks) == [(503, "gateway.busy")] * (30 - 8)
        assert (await ask(town.door, "POST", SESSION, body=b"{}")).status == 200
        assert (await ask(town.door, "GET", STORES, headers=person(99))).status == 200
    await asyncio.gather(*tasks)


async def test_costly_acts_have_a_rate_by_person(town: Town) -> None:
    person = people(town.binding, town.clock)
    mine, other = person(1), person(2)
    town.binding.on("POST", STEP_UP, {})

    async def step_up(headers: dict[str, str]) -> Got:
        return await ask(town.door, "POST", STEP_UP, body=b"{}", headers=headers)

    got = [(await step_up(mine)).status for _ in range(33)]
    assert got == [200] * 30 + [429] * 3
    assert len(town.binding.calls(STEP_UP)) == 30
    assert (await step_up(mine)).json()["retry_after_s"] == 2
    assert (await step_up(other)).status == 200
    town.clock.advance(2)
    assert [(await step_up(mine)).status for _ in range(2)] == [200, 429]


async def test_one_person_and_one_merchant_have_a_part_of_a_slow_service(town: Town) -> None:
    """Of 64 places: 16 for a person, 32 for a merchant; the rest is for everybody else."""
    person = people(town.binding, town.clock)
    async with slow(town.order, "GET", ORDERS):
        first = await at_once(
            [ask(town.door, "GET", ORDERS, headers=person(1)) for _ in range(20)], 4
        )
        assert refusals(first) == [(429, "rate.limited")] * 4
        more = [ask(town.door, "GET", ORDERS, headers=person(2 + n)) for n in range(20)]
        second = await at_once(more, 4)
        assert refusals(second) == [(429, "rate.limited")] * 4
        others = [ask(town.door, "GET", ORDERS, headers=person(50, merchant=2)) for _ in range(5)]
        third = await at_once(others, 0)
        assert refusals(third) == []
    answers = await asyncio.gather(*first, *second, *third)
    assert sorted(got.status for got in answers) == [200] * 37 + [429] * 8


async def test_one_device_has_a_part_of_a_slow_payment_service(town: Town) -> None:
    async with slow(town.payment, "POST", PAY):
        calls = [
            ask(town.door, "POST", PAY, body=b"{}", headers=device_headers("POST", PAY, b"{}"))
            for _ in range(70)
        ]
        tasks = await at_once(calls, 70 - 64)
        assert refusals(tasks) == [(429, "rate.limited")] * 6
    assert sum(got.status == 200 for got in await asyncio.gather(*tasks)) == 64


async def test_a_device_asks_a_hundred_times_a_second(town: Town) -> None:
    town.device.on("GET", ME, {})
    got = [(await me(town)).status for _ in range(510)]
    assert got == [200] * 500 + [429] * 10
    town.clock.advance(1)
    got = [(await me(town, at=NOON_S + 1)).status for _ in range(101)]
    assert got == [200] * 100 + [429]


async def test_a_person_and_a_merchant_ask_so_often_a_second(town: Town) -> None:
    person = people(town.binding, town.clock)
    town.order.on("GET", ORDERS, {})

    async def reads(who: int, count: int, merchant: int = 1) -> int:
        mine = person(who, merchant=merchant)
        got = [await ask(town.door, "GET", ORDERS, headers=mine) for _ in range(count)]
        return sum(one.status == 200 for one in got)

    assert await reads(1, 310) == 300
    assert await reads(2, 310) == 300, "another of the same merchant"
    assert await reads(3, 5) == 0, "the merchant's own is used up"
    assert await reads(4, 5, merchant=2) == 5
    town.clock.advance(1)
    assert await reads(1, 60) == 50


async def test_addresses_of_one_ipv6_subscriber_are_one(town: Town) -> None:
    town.binding.on("POST", SESSION, lambda _seen: web.json_response({}, status=401))

    async def guess(client: str) -> int:
        return (await ask(town.door, "POST", SESSION, body=b"{}", client=client)).status

    assert [await guess(f"2001:db8:1:2::{n:x}") for n in range(22)] == [401] * 20 + [429] * 2
    assert await guess("2001:db8:1:3::1") == 401
    assert await guess("::ffff:203.0.113.9") == 401


async def test_who_reads_beyond_his_rate_is_not_remembered_for_it(town: Town) -> None:
    """Else one device could crowd out the nonces of all the others."""
    town.device.on("GET", ME, {})
    await asyncio.gather(*(_read(town) for _ in range(500)))
    held = town.edge._devices._signatures._nonces.held
    assert await _read(town) == 429
    assert town.edge._devices._signatures._nonces.held == held == 500


async def _read(town: Town) -> int:
    return (await ask(town.door, "GET", ME, headers=device_headers("GET", ME))).status


async def test_a_signed_read_is_answered_once(town: Town) -> None:
    """Not even within its time; and that is remembered for longer than its time lasts."""
    town.device.on("GET", ME, {})
    headers = device_headers("GET", ME, at=NOON_S + 300)
    assert (await ask(town.door, "GET", ME, headers=headers)).status == 200
    for wait_s in (0, 1, 299, 300):
        town.clock.advance(wait_s)
        got = await ask(town.door, "GET", ME, headers=headers)
        assert (got.status, got.json()["code"]) == (401, "auth.read_replayed")
        assert got.json()["server_time"] == int(town.clock.now().timestamp())
    town.clock.advance(1)
    got = await ask(town.door, "GET", ME, headers=headers)
    assert (got.status, got.json()["code"]) == (401, "auth.clock_skew")


async def test_nonces_are_kept_by_caller_for_longer_than_a_signature_counts(town: Town) -> None:
    seen = town.edge._pos._signatures._nonces
    assert [seen.is_new("k", "n1"), seen.is_new("k", "n1"), seen.is_new("j", "n1")] == [
        True, False, True,
    ]  # fmt: skip
    town.clock.advance(899)
    assert not seen.is_new("k", "n1")
    town.clock.advance(2)
    assert not seen.is_new("k", "n1")
    town.clock.advance(901)
    assert seen.is_new("fresh", "n")
    town.clock.advance(901)
    assert seen.is_new("k", "n1"), "twice over: then it is gone"


async def test_no_number_of_callers_makes_another_ones_reads_forgotten(town: Town) -> None:
    """Twenty devices of one merchant, each as fast as it may (100 a second), for as long as a
    signature counts: whoever asks little is remembered, and memory has its bound."""
    seen = town.edge._devices._signatures._nonces
    assert all(seen.is_new("till", f"a{number}") for number in range(50))
    for turn in range(600):
        for number in range(2000):
            seen.is_new(f"loud{number % 20}", f"{turn}-{number}")
        town.clock.advance(1)
    assert not any(seen.is_new("till", f"a{number}") for number in range(50))
    assert seen.held <= 262_144
    for number in range(100_000):
        assert seen.is_new(f"many{number}", "n")
    assert seen.held <= 262_144


async def test_refusals_come_late_to_who_goes_on_regardless(town: Town) -> None:
    town.edge._refusal_delay.base_s = 3600

    async def is_refused_now(client: str) -> bool:
        try:
            answer = await asyncio.wait_for(ask(town.door, "GET", ORDERS, client=client), 3)
        except TimeoutError:
            return False
        assert answer.status == 401
        return True

    assert all([await is_refused_now("203.0.113.7") for _ in range(40)])
    assert not await is_refused_now("203.0.113.7")
    assert await is_refused_now("203.0.113.8")
    town.clock.advance(1)
    assert await is_refused_now("203.0.113.7")


COSTLY = {
    ("POST", "/api/merchant/v1/session"): "sign_in",
    ("POST", "/api/operator/v1/session"): "sign_in",
    ("POST", "/api/operator/v1/first-run"): "sign_in",
    ("POST", "/api/merchant/v1/session/step-up"): "costly",
    ("POST", "/api/operator/v1/session/step-up"): "costly",
    ("POST", "/api/merchant/v1/password"): "costly",
    ("POST", "/api/operator/v1/password"): "costly",
    ("POST", "/api/merchant/v1/apps/key-pairs"): "costly",
    ("POST", "/api/merchant/v1/apps/key-check"): "costly",
    ("PUT", "/api/merchant/v1/apps"): "platform",
    ("POST", "/api/merchant/v1/apps/2021/probe"): "platform",
    ("POST", "/api/merchant/v1/onboarding/rows/1.1/run"): "platform",
    ("POST", "/api/merchant/v1/audit/verify"): "costly",
    ("POST", "/api/operator/v1/audit/verify"): "costly",
    ("GET", "/api/merchant/v1/audit/export"): "costly",
    ("GET", "/api/operator/v1/audit/export"): "costly",
    ("POST", "/api/public/v1/password"): "sign_in",
    ("POST", "/api/merchant/v1/staff"): "",
    ("GET", "/api/merchant/v1/audit"): "",
    ("GET", "/api/merchant/v1/session"): "",
    ("GET", "/api/merchant/v1/apps"): "",
    ("POST", "/api/device/v1/payments"): "",
}


async def test_which_doors_are_costly() -> None:
    rows = table()
    for (method, path), share in COSTLY.items():
        route = match(rows, method, path)
        assert route is not None, path
        assert route.share == share, (method, path)
    assert {route.share for route in ROUTES if route.service != "binding"} == {""}


@pytest.mark.parametrize(
    ("public_url", "proxies", "starts"),
    [
        ("https://pay.example.test", "", False), ("https://pay.example.test", "none", True),
        ("https://pay.example.test", "10.0.0.5", True), ("http://127.0.0.1:8080", "", True),
    ],
)  # fmt: skip
async def test_https_outside_asks_for_its_proxies(
    town: Town, monkeypatch: pytest.MonkeyPatch, public_url: str, proxies: str, starts: bool
) -> None:
    """Something before the edge speaks TLS; unsaid, everybody would have its address."""
    monkeypatch.setenv("PUBLIC_URL", public_url)
    monkeypatch.setenv("TRUSTED_PROXIES", proxies)
    config = EdgeConfig()
    if starts:
        config.require_proxies()
        return
    with pytest.raises(ProxiesNotConfigured, match="TRUSTED_PROXIES"):
        config.require_proxies()


async def test_who_is_refused_together_does_not_come_back_together(clock: FixedClock) -> None:
    """Seventy answers in one go would hold up every payment meanwhile."""
    refusal_delay = RefusalDelay(clock, 1)
    waits = [refusal_delay.delay_s("203.0.113.7") for _ in range(110)]
    assert waits[:40] == [0.0] * 40
    late = sorted(waits[40:])
    assert 2.0 <= late[0] <= late[-1] < 4.0
    assert max(after - before for before, after in pairwise(late)) < 0.1
