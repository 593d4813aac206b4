"""The edge: what reaches a service, as whom, and everything that is refused before (S-rows of the
proxy, F34 overload, ASVS 4.1.3 spoofed headers)."""

import asyncio
import json

import pytest
from aiohttp import web

from gateway.edge import SIGNED_PREFIXES
from gateway.routing import ROUTES
from gateway.server.asgi import Request, Response, plain_response
from gateway.server.static import NO_PAGES
from tests.unit.gateway.conftest import Town
from tests.unit.gateway.neighbours import DEVICE, STORE, TENANT, Got, ask, device_headers

PAY = "/api/device/v1/payments"
pytestmark = pytest.mark.asyncio


def problem(got: Got, status: int, code: str) -> dict:
    assert got.headers["content-type"] == "application/problem+json"
    document = got.json()
    assert (got.status, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == f"urn:damselfly:problem:{code}"
    return document


async def test_a_device_payment_passes_unchanged_under_a_token(town: Town) -> None:
    town.payment.on("POST", PAY, {"status": "paid"})
    body = b'{"amount_fen": 1}'
    got = await ask(town.door, "POST", PAY, body=body, headers=device_headers("POST", PAY, body))
    assert (got.status, got.json()) == (200, {"status": "paid"})
    assert got.headers["cache-control"] == "no-store"
    (seen,) = town.payment.calls(PAY)
    assert seen.body == body
    caller = town.verifier("payment").verify(seen.headers["authorization"].removeprefix("Bearer "))
    assert (caller.kind, caller.subject, caller.issuer) == ("device", DEVICE, "gateway-edge")
    assert (caller.tenant_id, caller.store_id) == (TENANT, STORE)
    assert caller.nonce is not None
    assert len(caller.nonce) == 32


async def test_a_read_carries_its_query_and_no_nonce(town: Town) -> None:
    town.payment.on("GET", PAY + "/abc", {"status": "paid"})
    query = "b=2&a=1%20x"
    headers = device_headers("GET", PAY + "/abc", query=query)
    got = await ask(town.door, "GET", f"{PAY}/abc?{query}", headers=headers)
    assert got.status == 200
    (seen,) = town.payment.calls("abc")
    assert seen.target == f"{PAY}/abc?{query}"
    caller = town.verifier("payment").verify(seen.headers["authorization"].removeprefix("Bearer "))
    assert caller.nonce is None


async def test_claims_about_oneself_stay_outside(town: Town) -> None:
    """ASVS 4.1.3: no header that a service might believe passes the edge."""
    town.payment.on("POST", PAY, {"status": "paid"})
    spoofed = {
        "Authorization": "Bearer forged", "Cookie": "__Host-damselfly=x", "X-Tenant-Id": "other",
        "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil", "X-User-Id": "root",
        "Forwarded": "for=1.2.3.4", "X-Real-Ip": "1.2.3.4", "Accept-Language": "zh",
    }  # fmt: skip
    headers = {**device_headers("POST", PAY, b"{}"), **spoofed}
    got = await ask(town.door, "POST", PAY, body=b"{}", headers=headers)
    assert got.status == 200
    (seen,) = town.payment.calls(PAY)
    allowed = {
        "authorization", "x-request-id", "content-type", "accept-language", "host",
        "content-length", "accept",
    }  # fmt: skip
    assert set(seen.headers) <= allowed
    assert seen.headers["authorization"] != "Bearer forged"
    assert seen.headers["accept-language"] == "zh"


async def test_a_services_own_headers_do_not_leak(town: Town) -> None:
    answer = {"x-internal": "secret", "set-cookie": "a=b", "server": "x"}
    town.payment.on("GET", PAY + "/abc", lambda _seen: web.json_response({}, headers=answer))
    got = await ask(town.door, "GET", PAY + "/abc", headers=device_headers("GET", PAY + "/abc"))
    assert got.status == 200
    assert not {"x-internal", "set-cookie", "server"} & set(got.headers)


async def test_a_problem_of_a_service_is_untouched(town: Town) -> None:
    body = b'{"type":"urn:x","code":"payment.request_mismatch","status":422}'
    town.payment.on(
        "POST", PAY,
        lambda _seen: web.Response(
            body=body, status=422, headers={"content-type": "application/problem+json"}
        ),
    )  # fmt: skip
    got = await ask(town.door, "POST", PAY, body=b"{}", headers=device_headers("POST", PAY, b"{}"))
    assert (got.status, got.body) == (422, body)
    assert got.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/device/v1", "/api/device/v1/", "/api/device/v1/nothing", "/api/device/v2/payments",
        "/internal/apps/1", "/api/device/v1/../../internal/notify", "/api/device/v1/payments/..",
        "/api/device/v1/payments/%2e%2e/x", "/api//device/v1/payments", "/api/merchant/v1/orders/",
        "/api/device/v1/payments/a b", "/assets/x.js", "/nothing",
    ],
)  # fmt: skip
async def test_unknown_paths_are_problems(town: Town, path: str) -> None:
    problem(await ask(town.door, "GET", path), 404, "not_found")
    assert not town.payment.seen


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "PATCH"])
async def test_known_paths_take_known_methods_only(town: Town, method: str) -> None:
    got = await ask(town.door, method, PAY)
    assert (got.status, got.headers["allow"]) == (405, "GET, POST")


async def test_large_bodies_are_refused_before_anything_is_asked(town: Town) -> None:
    for body in (b"x" * 65537, [b"x" * 40000, b"x" * 40000]):
        got = await ask(town.door, "POST", PAY, body=body, headers=device_headers("POST", PAY))
        problem(got, 413, "body.too_large")
    lied = {**device_headers("POST", PAY), "Content-Length": "99999999"}
    problem(await ask(town.door, "POST", PAY, body=[b""], headers=lied), 413, "body.too_large")
    assert not town.device.seen


async def test_large_heads_are_refused(town: Town) -> None:
    long_header = {"X-Long": "x" * 20000}
    problem(await ask(town.door, "GET", PAY, headers=long_header), 431, "headers.too_large")
    many = {f"X-{n}": "1" for n in range(80)}
    problem(await ask(town.door, "GET", PAY, headers=many), 431, "headers.too_large")
    problem(await ask(town.door, "GET", PAY + "?" + "a" * 5000), 431, "headers.too_large")


async def test_public_routes_say_only_that_the_edge_let_them_through(town: Town) -> None:
    town.device.on("POST", "/api/device/v1/enrol", lambda _seen: web.json_response({}, status=201))
    got = await ask(town.door, "POST", "/api/device/v1/enrol", body=b"{}")
    assert got.status == 201
    (seen,) = town.device.calls("enrol")
    caller = town.verifier("device").verify(seen.headers["authorization"].removeprefix("Bearer "))
    assert (caller.kind, caller.subject, caller.tenant_id) == ("service", "gateway-edge", None)


async def test_guessing_passwords_is_slowed_down_by_address(town: Town) -> None:
    town.binding.on(
        "POST", "/api/merchant/v1/session", lambda _s: web.json_response({}, status=401)
    )
    path = "/api/merchant/v1/session"
    statuses = [(await ask(town.door, "POST", path, body=b"{}")).status for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    limited = await ask(town.door, "POST", path, body=b"{}")
    problem(limited, 429, "rate.limited")
    assert int(limited.headers["retry-after"]) >= 1
    other = await ask(town.door, "POST", path, body=b"{}", client="203.0.113.8")
    assert other.status == 401
    town.clock.advance(10)
    assert (await ask(town.door, "POST", path, body=b"{}")).status == 401


async def test_a_service_that_is_away_is_a_503(town: Town) -> None:
    await town.payment.stop()
    body = b"{}"
    got = await ask(town.door, "POST", PAY, body=body, headers=device_headers("POST", PAY, body))
    problem(got, 503, "upstream.unavailable")
    assert got.headers["retry-after"] == "1"


async def test_a_service_that_breaks_off_leaves_the_outcome_open(town: Town) -> None:
    """F4 at this hop: 504 means ask again under the same id, not "failed"."""

    arrived = asyncio.Event()

    async def never(_seen: object) -> web.Response:
        arrived.set()
        await asyncio.sleep(0.2)
        return web.Response()

    town.payment.on("POST", PAY, never)
    headers = device_headers("POST", PAY, b"{}")
    pending = asyncio.ensure_future(ask(town.door, "POST", PAY, body=b"{}", headers=headers))
    await arrived.wait()
    assert town.payment._runner is not None
    assert town.payment._runner.server is not None
    for protocol in list(town.payment._runner.server.connections):
        protocol.transport.abort()
    problem(await pending, 504, "upstream.no_answer")


async def test_a_full_destination_refuses_at_once_and_alone(town: Town) -> None:
    """F34: a slow payment service neither queues callers nor stops the others."""
    release = asyncio.Event()

    async def slow(_seen: object) -> web.Response:
        await release.wait()
        return web.json_response({})

    town.payment.on("POST", PAY, slow)
    town.device.on("GET", "/api/device/v1/me", {})
    town.edge._upstreams._admissions["payment"]._limit = 4

    async def pay() -> Got:
        return await ask(
            town.door, "POST", PAY, body=b"{}", headers=device_headers("POST", PAY, b"{}")
        )

    held = [asyncio.ensure_future(pay()) for _ in range(4)]
    while len(town.payment.calls(PAY)) < 4:
        await asyncio.sleep(0.01)
    refused = await pay()
    problem(refused, 503, "gateway.busy")
    assert refused.headers["retry-after"] == "1"
    path = "/api/device/v1/me"
    assert (await ask(town.door, "GET", path, headers=device_headers("GET", path))).status == 200
    release.set()
    assert [got.status for got in await asyncio.gather(*held)] == [200] * 4
    assert (await pay()).status == 200


async def test_ready_when_nobody_needed_is_away(town: Town) -> None:
    got = await ask(town.door, "GET", "/readyz")
    assert (got.status, got.json()["checks"]) == (
        200, {"binding": True, "device": True, "payment": True},
    )  # fmt: skip
    await town.order.stop()
    await town.payment.stop()
    assert (await ask(town.door, "GET", "/readyz")).status == 200, "asked once a second only"
    town.clock.advance(1.1)
    got = await ask(town.door, "GET", "/readyz")
    assert (got.status, got.json()["checks"]["payment"]) == (503, False)
    assert (await ask(town.door, "GET", "/livez")).status == 200


async def test_metrics_are_behind_the_inner_door_only(town: Town) -> None:
    problem(await ask(town.door, "GET", "/metrics"), 404, "not_found")
    assert b"gateway_requests_total" in (await ask(town.edge.inner_app, "GET", "/metrics")).body
    assert (await ask(town.edge.inner_app, "GET", "/readyz")).status == 200
    problem(await ask(town.edge.inner_app, "GET", PAY), 404, "not_found")


@pytest.mark.parametrize("path", [*SIGNED_PREFIXES, "/h5/rewards/"])
async def test_a_secret_in_a_path_is_not_in_the_access_line(
    town: Town, capsysbinary: pytest.CaptureFixture[bytes], path: str
) -> None:
    await ask(town.door, "POST", path + "s3cret-of-somebody", body=b"a=b")
    await ask(town.door, "GET", path + "s3cret-of-somebody/and/more")
    out = capsysbinary.readouterr().out
    assert b"s3cret" not in out
    assert out.count(path.encode() + b"***") == 2


@pytest.mark.parametrize("channel", ["x", "longer-than-alipay"])
async def test_the_path_of_a_further_channel_finds_its_endpoint(
    town: Town, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    class Endpoint:
        async def take(self, _request: Request) -> Response:
            return plain_response("taken")

    prefixes = (*SIGNED_PREFIXES, f"/{channel}/notify/")
    monkeypatch.setattr("gateway.edge.SIGNED_PREFIXES", prefixes)
    monkeypatch.setitem(town.edge._signed, f"/{channel}/notify", Endpoint())
    assert (await ask(town.door, "POST", f"/{channel}/notify/route")).text == "taken"


async def test_below_a_signed_path_is_no_page() -> None:
    assert {"/" + prefix.split("/")[1] for prefix in SIGNED_PREFIXES} <= set(NO_PAGES)


async def test_every_answer_has_an_id(town: Town) -> None:
    got = await ask(town.door, "GET", "/livez", headers={"X-Request-Id": "abc-123"})
    assert got.headers["x-request-id"] == "abc-123"
    odd = await ask(town.door, "GET", "/nothing", headers={"X-Request-Id": 'a"\n{}'})
    assert odd.headers["x-request-id"] == odd.json()["request_id"]
    assert odd.headers["x-request-id"].replace("-", "").replace("_", "").isalnum()


async def test_the_access_line_names_the_route_and_holds_no_secret(
    town: Town, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    town.payment.on("POST", PAY, {"status": "paid"})
    body = b'{"auth_code":"283012345678901234"}'
    headers = device_headers("POST", PAY, body)
    await ask(town.door, "POST", PAY, body=body, headers=headers)
    out = capsysbinary.readouterr().out
    line = json.loads(out.splitlines()[-1])
    assert (line["route"], line["status"]) == (PAY, 200)
    assert b"283012345678901234" not in out
    assert headers["X-DF-Signature"].encode() not in out


async def test_the_table_has_no_internal_route() -> None:
    assert all(route.prefix.startswith("/api/") for route in ROUTES)
    whole = {route.prefix for route in ROUTES if len(route.prefix.split("/")) != 5}
    assert whole == {
        *(f"/api/{who}/v1/session/step-up" for who in ("merchant", "operator")),
        *(f"/api/{who}/v1/audit/export" for who in ("merchant", "operator")),
        "/api/merchant/v1/apps/key-pairs",
        "/api/merchant/v1/apps/key-check",
    }
