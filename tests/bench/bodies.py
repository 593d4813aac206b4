"""A body that a route reads itself beside one that is a FastAPI parameter:
python -m tests.bench.bodies.

CPU microseconds for one request to a route that only reads its body, called in this process without
a server: the median of several rounds, the ways by turns. The caller's token is verified already.
`own`: by the shortcut of shared/web. `own, routed`: the same through FastAPI's routing.
"""

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import BaseModel

from services.payment.notices.schemas import NoticesBody
from services.payment.payments.schemas import PayBody
from shared.contracts.principal import Principal
from shared.serve import json_response
from shared.web import guard, make_app, parse

ROUNDS, WARM_UP = 15, 200
WAYS = ("own", "own, routed", "parameter")
DEVICE = Principal(
    kind="device", issuer="gateway-edge", subject=str(UUID(int=1)), tenant_id=UUID(int=2)
)
PAY = {
    "pay_request_id": "r0123456789abcdef", "amount_fen": 1207,
    "auth_code": "fp0123456789abcdef0123456789abcdefZ", "subject": "两杯咖啡",
}  # fmt: skip
NOTICE = {
    "channel": "alipay", "tenant_id": str(UUID(int=2)), "app_id": "2021000000000001",
    "notify_id": "2026112900222100000000000000000001", "kind": "paid", "fault": None,
    "out_trade_no": "0" * 32, "trade_no": "0" * 28, "out_request_no": None,
    "seller_id": "2088000000000001", "buyer_id": "2088000000000002", "buyer_logon_id": "a**@b.cn",
    "total_fen": 1207, "refunded_fen": None, "paid_at": "2026-11-29T12:00:00+00:00",
    "body_b64": "YWJj" * 330, "received_at": "2026-11-29T12:00:01+00:00", "request_id": "0" * 16,
}  # fmt: skip
CASES: dict[str, tuple[type[BaseModel], Any, int]] = {
    "a payment": (PayBody, PAY, 1_000),
    "one notice": (NoticesBody, {"items": [NOTICE]}, 1_000),
    "64 notices": (NoticesBody, {"items": [NOTICE] * 64}, 60),
}
"""name -> the model, a body, and how many requests a round has"""


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


async def _ready() -> dict[str, bool]:
    return {}


def _app(model: Any) -> FastAPI:
    """One route for each of WAYS, whose path is its number."""
    router = APIRouter()

    @router.post("/0", dependencies=[guard("device")])
    async def own(request: Request) -> Response:
        await parse(request, model)
        return json_response(b"{}")

    @router.post("/1", dependencies=[guard("device")], response_model=None)
    async def routed(request: Request) -> Any:
        await parse(request, model)
        return json_response(b"{}")

    @router.post("/2", dependencies=[guard("device")])
    async def parameter(body: model) -> Response:
        return json_response(b"{}")

    return make_app(
        "bench", verifier=None, lifespan=_lifespan, ready=_ready, routers=(router,),
        body_limit=1_000_000,
    )  # fmt: skip


async def _call(app: FastAPI, path: str, raw: bytes) -> int:
    """The status of one request."""
    statuses = []
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(raw)).encode()),
    ]
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http",
        "http_version": "1.1", "damselfly.principal": DEVICE,
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return int(statuses[0])


async def _us(app: FastAPI, path: str, raw: bytes, times: int) -> float:
    started = time.process_time_ns()
    for _ in range(times):
        await _call(app, path, raw)
    return (time.process_time_ns() - started) / times / 1000


async def measure() -> dict[str, dict[str, float]]:
    """Case -> way -> microseconds; the access lines go nowhere."""
    stdout, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
    try:
        found = {}
        for case, (model, body, times) in CASES.items():
            app, raw = _app(model), json.dumps(body).encode()
            rounds: dict[str, list[float]] = {way: [] for way in WAYS}
            for path in range(len(WAYS)):
                for _ in range(WARM_UP):
                    assert await _call(app, f"/{path}", raw) == 200
            for _ in range(ROUNDS):
                for path, way in enumerate(WAYS):
                    rounds[way].append(await _us(app, f"/{path}", raw, times))
                sys.stdout.buffer.truncate(0)
            found[case] = {way: median(seen) for way, seen in rounds.items()}
        return found
    finally:
        sys.stdout = stdout


def main() -> None:
    for case, ways in asyncio.run(measure()).items():
        for way, spent in ways.items():
            sys.stdout.write(f"{case:12} {way:12} {spent:8.1f} us {spent / ways['own']:6.2f}\n")


if __name__ == "__main__":
    main()
