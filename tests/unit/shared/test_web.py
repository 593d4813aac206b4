"""Every refusal is a problem with a stable code; every route is guarded; bodies are bounded."""

import contextlib

import httpx
import pytest
from fastapi import Request
from pydantic import BaseModel, ConfigDict

from shared.clock import SystemClock
from shared.errors import Conflict, TooMany
from shared.money import Fen
from shared.serve import json_response
from shared.web import guard, make_app, parse, principal


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    amount_fen: Fen


class AlreadyClosed(Conflict):
    code = "test.already_closed"


@contextlib.asynccontextmanager
async def lifespan(_app):
    yield


@pytest.fixture
def app(verifier_for):
    async def ready():
        return {"db": True}

    made = make_app(
        "test",
        verifier=verifier_for("payment", SystemClock()),
        lifespan=lifespan,
        ready=ready,
        body_limit=1000,
    )

    @made.post("/pay", dependencies=[guard("device")])
    async def pay(request: Request):
        body = await parse(request, Body)
        return json_response({"fen": body.amount_fen, "who": principal(request).subject})

    @made.get("/orders", dependencies=[guard("user", "orders.read")])
    async def orders():
        return json_response([])

    @made.get("/closed", dependencies=[guard("public")])
    async def closed():
        raise AlreadyClosed("it is")

    @made.get("/slow", dependencies=[guard("public")])
    async def slow():
        raise TooMany(retry_after_s=3)

    @made.get("/bug", dependencies=[guard("public")])
    async def bug():
        raise ZeroDivisionError

    return made


@pytest.fixture
def call(app, signer_for):
    signer = signer_for("gateway-edge", SystemClock())

    async def send(method, path, *, kind="device", permissions=(), token=None, **more):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            if token is None:
                token = signer.issue("payment", kind=kind, subject="d1", permissions=permissions)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return await client.request(method, path, headers=headers, **more)

    return send


@pytest.mark.asyncio
async def test_a_good_request(call):
    answer = await call("POST", "/pay", json={"amount_fen": 1})
    assert (answer.status_code, answer.json()) == (200, {"fen": 1, "who": "d1"})
    assert answer.headers["x-request-id"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"amount_fen": -1}', "/amount_fen"),
        (b'{"amount_fen": 1.5}', "/amount_fen"),
        (b'{"amount_fen": "1"}', "/amount_fen"),
        (b'{"amount_fen": true}', "/amount_fen"),
        (b'{"amount_fen": 10000000001}', "/amount_fen"),
        (b'{"amount_fen": 1, "x": 1}', "/x"),
        (b"{}", "/amount_fen"),
        (b"[", "/"),
        (b"", "/"),
    ],
)
async def test_a_bad_body_is_pointed_at(call, body, pointer):
    answer = await call("POST", "/pay", content=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_body"
    assert pointer in {fault["pointer"] for fault in problem["errors"]}
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.asyncio
async def test_an_oversized_body_is_refused_declared_or_not(call):
    async def drip():
        for _ in range(30):
            yield b"x" * 100

    for content in (b"x" * 1001, drip()):
        answer = await call("POST", "/pay", content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "body.too_large")


@pytest.mark.asyncio
async def test_a_route_refuses_other_audiences_and_missing_permissions(call):
    assert (await call("POST", "/pay", token="")).status_code == 401
    assert (await call("POST", "/pay", token="junk")).status_code == 401
    assert (await call("POST", "/pay", kind="user")).status_code == 403
    assert (await call("GET", "/orders", kind="user")).status_code == 403
    allowed = await call("GET", "/orders", kind="user", permissions=["orders.read"])
    assert allowed.status_code == 200


@pytest.mark.asyncio
async def test_problems_keep_their_code_and_unknown_paths_have_one(call):
    closed = await call("GET", "/closed", kind="service")
    assert closed.status_code == 409
    assert closed.json()["type"] == "urn:damselfly:problem:test.already_closed"
    assert closed.json()["detail"] == "it is"
    slow = await call("GET", "/slow", kind="service")
    assert (slow.status_code, slow.headers["retry-after"]) == (429, "3")
    assert (await call("GET", "/nothing")).json()["code"] == "not_found"
    assert (await call("DELETE", "/pay")).json()["code"] == "method_not_allowed"


@pytest.mark.asyncio
async def test_a_bug_says_nothing_of_itself(call):
    answer = await call("GET", "/bug", kind="service")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivision" not in answer.text


@pytest.mark.asyncio
async def test_health_needs_no_token(call):
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await call("GET", path, token="")).status_code == 200


@pytest.mark.asyncio
async def test_a_harmful_request_id_is_replaced(call, app, signer_for):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        for given, kept in (("abc-123", True), ("a\tb", False), ("x" * 65, False)):
            answer = await client.get("/nothing", headers={"X-Request-Id": given})
            assert (answer.headers["x-request-id"] == given) is kept
