"""Every refusal is a problem with a stable code; every route is guarded; bodies are bounded."""

import asyncio
import contextlib
import json
import socket
from typing import Annotated, ClassVar

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from shared.clock import SystemClock
from shared.contracts.fields import Text
from shared.contracts.money import Fen
from shared.errors import Conflict, TooMany
from shared.serve import _server, json_response
from shared.web import guard, make_app, parse, principal


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    amount_fen: Fen
    note: Annotated[str, Text(64)] = ""


class AlreadyClosed(Conflict):
    code = "test.already_closed"


@contextlib.asynccontextmanager
async def lifespan(_app):
    yield


@pytest.fixture
def app(verifier_for):
    async def ready():
        return {"db": True}

    lenient = APIRouter(strict_content_type=False)

    @lenient.post("/no-type", dependencies=[guard("device")])
    async def no_type(body: Body):
        return json_response({"fen": body.amount_fen})

    made = make_app(
        "test",
        verifier=verifier_for("payment", SystemClock()),
        lifespan=lifespan,
        ready=ready,
        routers=[lenient],
        body_limit=1000,
    )

    @made.post("/pay", dependencies=[guard("device")])
    async def pay(request: Request):
        body = await parse(request, Body)
        return json_response({"fen": body.amount_fen, "who": principal(request).subject})

    @made.post("/parameter", dependencies=[guard("device")])
    async def parameter(body: Body):
        return json_response({"fen": body.amount_fen})

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

    @made.get("/hot-bug", dependencies=[guard("public")])
    async def hot_bug(request: Request) -> Response:
        raise ZeroDivisionError

    @made.get("/by/{route}", dependencies=[guard("public")])
    async def by_secret(route: str):
        return json_response([])

    @made.get("/of/{payment_id}", dependencies=[guard("public")])
    async def by_number(payment_id: str):
        return json_response([])

    return made


@pytest.fixture
def call(app, signer_for):
    signer = signer_for("gateway-edge", SystemClock())

    async def send(method, path, *, kind="device", permissions=(), token=None, headers=(), **more):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            if token is None:
                who = "gateway-edge" if kind == "service" else "d1"
                token = signer.issue("payment", kind=kind, subject=who, permissions=permissions)
            headers = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
            return await client.request(method, path, headers=headers, **more)

    return send


@pytest.mark.asyncio
async def test_a_good_request(call):
    body = b'{"amount_fen": 1, "note": "\\ud83d\\ude00 \\\\ud83d"}'
    assert (await call("POST", "/pay", content=body)).status_code == 200
    answer = await call("POST", "/pay", json={"amount_fen": 1})
    assert (answer.status_code, answer.json()) == (200, {"fen": 1, "who": "d1"})
    assert answer.headers["x-request-id"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/pay", "/parameter"])
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"amount_fen": -1}', "/amount_fen"),
        (b'{"amount_fen": 1.5}', "/amount_fen"),
        (b'{"amount_fen": "1"}', "/amount_fen"),
        (b'{"amount_fen": true}', "/amount_fen"),
        (b'{"amount_fen": 10000000001}', "/amount_fen"),
        (b'{"amount_fen": 1, "x": 1}', "/x"),
        (b'{"amount_fen": 1, "x/amount_fen": 1}', "/x~1amount_fen"),
        (b'{"amount_fen": 1, "x~1": 1}', "/x~01"),
        (b'{"amount_fen": 1, "note": "a\\ud83d"}', "/note"),
        (b'{"amount_fen": 1, "note": "\\udc00a"}', "/note"),
        (b'{"amount_fen": 1, "note": "\\ud83d\\ude00", "x": "\\ud83d"}', "/x"),
        (b"{}", "/amount_fen"),
        (b"[", "/"),
        (b'{"amount_fen": 1} 2', "/"),
        (b"", "/"),
    ],
)
async def test_a_bad_body_is_pointed_at(call, path, body, pointer):
    kind = {"Content-Type": "application/json"}
    answer = await call("POST", path, content=body, headers=kind)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_body"
    assert pointer in {fault["pointer"] for fault in problem["errors"]}
    assert all(fault["code"] for fault in problem["errors"])
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.asyncio
async def test_an_oversized_body_is_refused_declared_or_not(call):
    async def drip():
        for _ in range(30):
            yield b"x" * 100

    kind = {"Content-Type": "application/json"}
    for path in ("/pay", "/parameter"):
        for content in (b"x" * 1001, drip()):
            answer = await call("POST", path, content=content, headers=kind)
            assert (answer.status_code, answer.json()["code"]) == (413, "body.too_large")


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/pay", "/parameter"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"],
)
async def test_json_is_utf_8_without_a_byte_order_mark(call, path, encoding):
    """RFC 8259 §8.1; also when the mark arrives byte by byte."""
    body = '{"amount_fen": 1}'.encode(encoding)

    async def drip():
        for byte in body:
            yield bytes([byte])

    kind = {"Content-Type": "application/json"}
    for content in (body, drip()):
        answer = await call("POST", path, content=content, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
        assert [fault["code"] for fault in answer.json()["errors"]] == ["json_invalid"]


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
async def test_a_body_without_a_type_is_json_in_utf_8_too(call, encoding):
    body = '{"amount_fen": 1}'
    assert (await call("POST", "/no-type", content=body.encode())).status_code == 200
    answer = await call("POST", "/no-type", content=body.encode(encoding))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


@pytest.mark.asyncio
async def test_a_text_beyond_ascii_may_begin_any_part_of_a_body(call):
    async def drip():
        for byte in '{"amount_fen": 1, "note": "好"}'.encode():
            yield bytes([byte])

    assert (await call("POST", "/pay", content=drip())).status_code == 200


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


@pytest_asyncio.fixture
async def wire(app):
    """One kept connection to the app behind the server that every process runs."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = _server(app, lifespan="off")
    serving = asyncio.ensure_future(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    yield reader, writer
    writer.close()
    server.should_exit = True
    await serving


async def answer_on(wire, method, path, token, body=b""):
    reader, writer = wire
    head = f"{method} {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    async with asyncio.timeout(5):
        said = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(said.partition("content-length: ")[2].partition("\r")[0])
        return said, await reader.readexactly(length)


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/bug", "/hot-bug"])
async def test_a_bug_costs_nobody_the_connection_and_is_told_once(
    wire, signer_for, capsys, caplog, path
):
    """A service's 500 closed the kept connection, and the next payment on it, of another
    merchant, was answered "no answer"."""
    token = signer_for("gateway-edge", SystemClock()).issue(
        "payment", kind="service", subject="gateway-edge"
    )
    for _ in range(3):
        head, body = await answer_on(wire, "GET", path, token)
        assert head.startswith("http/1.1 500 ")
        assert "application/problem+json" in head
        assert "connection: close" not in head
        assert json.loads(body)["code"] == "internal"
    head, _ = await answer_on(wire, "GET", "/closed", token)
    assert head.startswith("http/1.1 409 ")
    assert capsys.readouterr().out.count("Traceback") == 3
    assert not caplog.records


@pytest.mark.asyncio
async def test_a_secret_in_a_path_is_not_in_the_access_line(call, capfdbinary):
    assert (await call("GET", "/by/n0tify-me", kind="service")).status_code == 200
    assert (await call("GET", "/of/payment-7", kind="service")).status_code == 200
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["path"] for line in lines if line["event"] == "http"] == [
        "/by/***", "/of/payment-7"
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_health_needs_no_token(call):
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await call("GET", path, token="")).status_code == 200


@pytest.mark.asyncio
async def test_a_harmful_request_id_is_replaced(call, app, signer_for):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        for given, kept in (
            ("abc-123", True),
            ("0H5Kw1_L-3MjsE9T", True),
            ("a\tb", False),
            ("x" * 65, False),
        ):
            answer = await client.get("/nothing", headers={"X-Request-Id": given})
            assert (answer.headers["x-request-id"] == given) is kept


@pytest.mark.asyncio
async def test_a_member_without_a_readable_name_is_refused_all_the_same(app, call):
    @app.post("/body", dependencies=[guard("device")])
    async def take(body: Body):
        return body.amount_fen

    for raw in (b'{"\\ud800": 1, "amount_fen": 1}', b'{"' + b"x" * 900 + b'": 1}', b"[" * 900):
        answer = await call("POST", "/body", content=raw)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
        assert len(answer.content) < 600


class Counted(Body):
    reads: ClassVar[int] = 0

    @classmethod
    def model_validate_json(cls, *args, **options):
        cls.reads += 1
        return super().model_validate_json(*args, **options)


@pytest.mark.parametrize(
    ("raw", "reads"),
    [(b"[" * 900, 1), (b'{"amount_fen": -1}', 1), (b'{"amount_fen": 1, "note": "a\\ud83d"}', 2)],
)
@pytest.mark.asyncio
async def test_a_refused_body_is_read_again_for_half_a_character_only(app, call, raw, reads):
    Counted.reads = 0

    @app.post("/counted", dependencies=[guard("device")])
    async def take(request: Request) -> Response:
        await parse(request, Counted)
        raise AssertionError

    assert (await call("POST", "/counted", content=raw)).status_code == 422
    assert Counted.reads == reads


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "issuer", "status"),
    [
        ("/public", "gateway-edge", 200),
        ("/public", "gateway-egress", 403),
        ("/keys", "gateway-edge", 403),
        ("/keys", "gateway-egress", 200),
    ],
)
async def test_only_the_named_processes_call_a_route(
    verifier_for, signer_for, path, issuer, status
):
    """Both halves of the gateway have valid tokens for binding; each has routes of its own."""

    async def ready():
        return {}

    verifier = verifier_for("binding", SystemClock())
    app = make_app("test", verifier=verifier, lifespan=lifespan, ready=ready)

    @app.get("/public", dependencies=[guard("public")])
    async def public(request: Request) -> Response:
        return json_response({})

    @app.get("/keys", dependencies=[guard("service", issuers={"gateway-egress"})])
    async def keys(request: Request) -> Response:
        return json_response({})

    token = signer_for(issuer).issue("binding", kind="service", subject=issuer)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
