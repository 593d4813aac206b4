"""The control's public API: checks device and notify signatures, and forwards requests."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, HTTPException, Request, Response

from tests.bench.control.alipay import Keys, verified_notify
from tests.bench.control.settings import secrets, setting

Devices = dict[str, tuple[str, bytes]]


def check_signature(devices: Devices, request: Request, body: bytes) -> str:
    headers = request.headers
    device_id = headers.get("x-df-device", "")
    key_id, key = devices.get(device_id, ("", b""))
    stamp, nonce = headers.get("x-df-timestamp", "0"), headers.get("x-df-nonce", "")
    text = "\n".join(
        (request.method, request.url.path, "", stamp, nonce, device_id, key_id,
         hashlib.sha256(body).hexdigest())
    )  # fmt: skip
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not key or not hmac.compare_digest(expected, headers.get("x-df-signature", "")):
        raise HTTPException(401, "bad device signature")
    if abs(time.time() - int(stamp)) > 300:
        raise HTTPException(401, "clock skew")
    return device_id


def create_app() -> FastAPI:
    known = secrets()
    devices = {
        name: (row["key_id"], bytes.fromhex(row["key"])) for name, row in known["devices"].items()
    }
    keys = Keys(known["app_private_pem"], known["alipay_public"])
    payment_url = setting("PAYMENT_URL")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/device/v1/payments")
    async def pay(request: Request) -> Response:
        body = await request.body()
        device_id = check_signature(devices, request, body)
        response = await app.state.client.post(
            f"{payment_url}/payments",
            content=body,
            headers={
                "content-type": "application/json",
                "x-device": device_id,
                "x-nonce": request.headers.get("x-df-nonce", ""),
            },
            timeout=30,
        )
        return Response(response.content, response.status_code, media_type="application/json")

    @app.post("/alipay/notify")
    async def notify(request: Request) -> Response:
        body = await request.body()
        fields = verified_notify(keys, body)
        if fields is None:
            return Response("fail")
        response = await app.state.client.post(
            f"{payment_url}/notify", json={"fields": fields, "body": body.decode()}
        )
        return Response("success" if response.status_code == 200 else "fail")

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app
