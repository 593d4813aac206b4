"""Two windows of one browser share a session: a page's request names the merchant that the page
shows, and reaches no other."""

from typing import Any
from uuid import UUID

import pytest

from gateway.routing import ROUTES, SAFE_METHODS
from tests.unit.gateway.auth.test_auth import CSRF, ORDERS, STORES, code, cookie, sign_in
from tests.unit.gateway.auth.test_people import MERCHANT, grant, told
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import TENANT, Got, ask

OTHER = UUID("01900000-0000-7000-8000-0000000000b7")
SERVICES = ("binding", "device", "payment", "campaign", "order")
UNSAFE = sorted(
    {
        (method, route.prefix)
        for route in ROUTES
        if route.audience == "user"
        for method in set(route.methods.split()) - SAFE_METHODS
    }
)
"""Each door behind a session that changes something."""
assert ("PUT", "/api/merchant/v1/apps") in UNSAFE
pytestmark = pytest.mark.asyncio


async def of_page(town: Town, merchant: object, method: str = "GET", path: str = STORES) -> Got:
    """As a page asks that shows this merchant."""
    headers = cookie(**{"X-CSRF-Token": CSRF, "X-Acting-For": str(merchant)})
    body = b"" if method in SAFE_METHODS else b"{}"
    return await ask(town.door, method, path, body=body, headers=headers)


def act(town: Town, merchant: UUID | None, **more: Any) -> None:
    acting = grant(town) | {"tenant_id": str(merchant)} if merchant else None
    sign_in(town.binding, town.clock, permissions=["merchants.read"], acting=acting, **more)


def reached(town: Town) -> list[str]:
    """What got through to any service."""
    return [
        f"{seen.method} {seen.target}"
        for name in SERVICES
        for seen in getattr(town, name).seen
        if not seen.target.startswith("/internal/")
    ]


@pytest.mark.parametrize(("method", "path"), UNSAFE)
@pytest.mark.parametrize("works_for", [OTHER, None])
async def test_a_page_of_one_merchant_changes_no_other(
    town: Town, method: str, path: str, works_for: UUID | None
) -> None:
    act(town, works_for)
    got = await of_page(town, MERCHANT, method, path)
    assert (got.status, code(got)) == (409, "acting.elsewhere")
    assert reached(town) == []


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_a_page_of_the_merchant_acted_for_goes_through(
    town: Town, method: str, path: str
) -> None:
    act(town, MERCHANT)
    await of_page(town, MERCHANT, method, path)
    assert reached(town) == [f"{method} {path}"]


async def test_it_is_not_even_shown(town: Town) -> None:
    act(town, OTHER)
    got = await of_page(town, MERCHANT, "GET", ORDERS)
    assert (got.status, code(got)) == (409, "acting.elsewhere")
    assert reached(town) == []


async def test_a_person_of_a_merchant_is_meant_by_their_own(town: Town) -> None:
    """Somebody with logins at two merchants, in two windows."""
    sign_in(town.binding, town.clock)
    town.binding.on("POST", STORES, {})
    assert (await of_page(town, TENANT, "POST")).status == 200
    assert (await of_page(town, str(TENANT).upper(), "POST")).status == 200
    assert (await of_page(town, OTHER, "POST")).status == 409


@pytest.mark.parametrize("meant", ["", "all", "*", "01900000", f"{MERCHANT} "])
async def test_whoever_names_nobody_real_is_refused(town: Town, meant: str) -> None:
    act(town, MERCHANT)
    got = await of_page(town, meant, "POST")
    assert (got.status, code(got)) == (409, "acting.elsewhere")
    assert reached(town) == []


async def test_whoever_names_nobody_means_the_one_acted_for(town: Town) -> None:
    """Programs, and consoles from before."""
    act(town, MERCHANT)
    town.order.on("GET", ORDERS, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    assert told(town, "order", ORDERS).tenant_id == MERCHANT


async def test_an_acting_whose_time_is_up_is_for_nobody(town: Town) -> None:
    act(town, MERCHANT)
    town.clock.advance(600)
    got = await of_page(town, MERCHANT, "POST")
    assert (got.status, code(got)) == (409, "acting.elsewhere")
    assert reached(town) == []


async def test_what_an_edge_remembers_refuses_nobody(town: Town) -> None:
    """The acting began through another edge, and its event has not come yet: binding knows."""
    act(town, None)
    town.order.on("GET", ORDERS, {})
    await ask(town.door, "GET", ORDERS, headers=cookie())
    act(town, MERCHANT)
    got = await of_page(town, MERCHANT, "GET", ORDERS)
    assert got.status == 200
    assert told(town, "order", ORDERS).tenant_id == MERCHANT
    assert len(town.binding.calls("resolve")) == 2


async def test_another_site_learns_nothing_by_it(town: Town) -> None:
    """Without the CSRF token, or from another site, the answer is the one that it always was."""
    act(town, OTHER)
    headers = cookie(**{"X-Acting-For": str(MERCHANT)})
    got = await ask(town.door, "POST", STORES, body=b"{}", headers=headers)
    assert (got.status, code(got)) == (403, "auth.csrf")
