"""The way to the sandbox's admin door: for binding, for a merchant's own app, and only where a
sandbox stands behind the platform."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from gateway.config import EdgeConfig, EgressConfig
from gateway.edge import Edge
from gateway.egress import Egress
from gateway.server.asgi import HttpApp
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import APP_ID, TENANT, Got, ask

pytestmark = pytest.mark.asyncio
MADE = {
    "schema": 1, "app_id": "2021000000000077", "seller_id": "2088000000000077", "mode": "key",
    "alipay_public_key": "MIIB", "has_aes_key": False,
}  # fmt: skip
KEY = {"public_key": "MIIBIjANBgkq\n"}
REFUSE = {"app_id": APP_ID, "outcome": "refused"}


@pytest_asyncio.fixture
async def rehearsing(town: Town) -> AsyncIterator[Town]:
    """A town whose Alipay is a sandbox."""
    config = EgressConfig(sandbox_admin_url=town.alipay.url + "/admin")
    egress = Egress(config, town.clock)
    real, town.egress_door = town.egress_door, HttpApp(egress.handle, egress.lifespan)
    town.alipay.on("POST", "/admin/apps", MADE)
    town.alipay.on("POST", "/admin/outcomes", {"schema": 1, "outcome": "refused"})
    yield town
    town.egress_door = real
    await egress.aclose()


async def call(
    town: Town, door: str, body: Any, *, issuer: str = "binding", tenant: UUID | None = TENANT,
    method: str = "POST",
) -> Got:  # fmt: skip
    signer = town.keys.signer(issuer, town.clock)
    token = signer.issue("egress", kind="service", subject=issuer, tenant_id=tenant)
    return await ask(
        town.egress_door, method, f"/sandbox/{door}", body=orjson.dumps(body),
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


async def test_an_app_to_practise_with(rehearsing: Town) -> None:
    got = await call(rehearsing, "apps", KEY)
    assert got.status == 200
    assert got.json() == {
        "app_id": "2021000000000077", "seller_id": "2088000000000077", "alipay_public_key": "MIIB",
    }  # fmt: skip
    (seen,) = rehearsing.alipay.calls("/admin/apps")
    assert orjson.loads(seen.body) == {**KEY, "again": True}


async def test_the_outcome_of_the_merchants_own_app(rehearsing: Town) -> None:
    assert (await call(rehearsing, "outcome", REFUSE)).status == 200
    (seen,) = rehearsing.alipay.calls("/admin/outcomes")
    assert orjson.loads(seen.body) == REFUSE
    stranger = await call(rehearsing, "outcome", REFUSE, tenant=UUID(int=9))
    assert (stranger.status, stranger.json()["code"]) == (404, "egress.app_not_bound")
    assert len(rehearsing.alipay.calls("/admin/outcomes")) == 1


@pytest.mark.parametrize(("door", "body"), [("apps", KEY), ("outcome", REFUSE)])
async def test_without_a_sandbox_there_is_nothing(town: Town, door: str, body: Any) -> None:
    got = await call(town, door, body)
    assert (got.status, got.json()["code"]) == (404, "sandbox.absent")
    assert not town.alipay.seen


@pytest.mark.parametrize(("door", "body"), [("apps", KEY), ("outcome", REFUSE)])
async def test_only_binding_comes_in_for_one_merchant(
    rehearsing: Town, door: str, body: Any
) -> None:
    assert (await call(rehearsing, door, body, issuer="payment")).status == 403
    assert (await call(rehearsing, door, body, tenant=None)).status == 403
    assert (await call(rehearsing, door, body, method="GET")).status == 405
    assert not rehearsing.alipay.seen


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("apps", {}),
        ("apps", {**KEY, "app_id": APP_ID}),
        ("apps", {**KEY, "alipay_private_key": "x"}),
        ("outcome", {**REFUSE, "outcome": "rich"}),
        ("outcome", {"outcome": "paid"}),
        ("outcome", {**REFUSE, "method": "alipay.trade.refund"}),
    ],
)
async def test_nothing_else_can_be_asked_for(rehearsing: Town, door: str, body: Any) -> None:
    """Neither somebody else's app id nor a switch of the asker's own making."""
    assert (await call(rehearsing, door, body)).status == 422
    assert not rehearsing.alipay.seen


async def test_the_sandboxs_refusals_and_its_silence(rehearsing: Town) -> None:
    rehearsing.alipay.on(
        "POST", "/admin/apps", lambda _s: web.json_response({"error": "not a key"}, status=400)
    )
    got = await call(rehearsing, "apps", KEY)
    assert (got.status, got.json()["detail"]) == (422, "not a key")
    rehearsing.alipay.on("POST", "/admin/apps", lambda _s: web.Response(status=500, text="oh"))
    assert (await call(rehearsing, "apps", KEY)).status == 502
    await rehearsing.alipay.stop()
    assert (await call(rehearsing, "apps", KEY)).status == 503


@pytest.mark.parametrize(
    ("gateway", "admin"),
    [
        ("https://openapi.alipay.com/gateway.do", "http://127.0.0.1:9/admin"),
        ("https://openapi.alipay.com/gateway.do", "https://openapi.alipay.com/admin"),
        ("http://127.0.0.1:9/gateway.do", "http://127.0.0.1:10/admin"),
        ("http://127.0.0.1.evil.test/gateway.do", "http://127.0.0.1.evil.test/admin"),
        ("http://192.0.2.7:9/gateway.do", "http://192.0.2.7:9/admin"),
    ],
)
async def test_no_rehearsal_beside_the_real_alipay(town: Town, gateway: str, admin: str) -> None:
    """Whoever sets the door by hand: an egress does not start with one beside another Alipay."""
    with pytest.raises(ValueError, match="SANDBOX_ADMIN_URL"):
        EgressConfig(alipay_gateway_url=gateway, sandbox_admin_url=admin)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, None),
        ({"alipay_is_sandbox": True, "sandbox_page": "http://127.0.0.1:9/"}, "http://127.0.0.1:9/"),
        ({"alipay_is_sandbox": True}, None),
        ({"alipay_is_sandbox": False, "sandbox_page": "http://127.0.0.1:9/"}, None),
    ],
)
async def test_the_page_is_told_in_the_sandbox_only(
    town: Town, settings: dict[str, Any], told: str | None
) -> None:
    edge = Edge(EdgeConfig(**settings), town.clock)
    door = HttpApp(edge.handle, edge.lifespan)
    got = await ask(door, "GET", "/api/public/v1/about")
    assert got.json()["sandbox_page"] == told
    await edge.aclose()


@pytest.mark.parametrize(
    "page", ["javascript:alert(1)/", "http://127.0.0.1:9", "http://a/b/", "//evil.test/", "http://a@b/"]
)  # fmt: skip
async def test_what_is_no_page_is_no_setting(town: Town, page: str) -> None:
    with pytest.raises(ValueError, match="sandbox_page"):
        EdgeConfig(sandbox_page=page)
