"""The control's egress: signs, sends to Alipay, verifies the response."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import BaseModel

from tests.bench.control.alipay import Keys, request_form, verified_response
from tests.bench.control.settings import secrets, setting


class PayCall(BaseModel):
    out_trade_no: str
    scene: str
    auth_code: str
    amount_fen: int
    subject: str


class PayResponse(BaseModel):
    code: str
    sub_code: str | None = None
    trade_no: str | None = None
    buyer_id: str | None = None


def create_app() -> FastAPI:
    known = secrets()
    keys = Keys(known["app_private_pem"], known["alipay_public"])

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/pay", response_model=PayResponse)
    async def pay(call: PayCall) -> Any:
        biz = {
            "out_trade_no": call.out_trade_no,
            "scene": call.scene,
            "auth_code": call.auth_code,
            "product_code": "FACE_TO_FACE_PAYMENT",
            "subject": call.subject,
            "total_amount": f"{call.amount_fen // 100}.{call.amount_fen % 100:02d}",
        }
        form = request_form(
            keys, known["app_id"], "alipay.trade.pay", biz, f"{setting('PUBLIC_URL')}/alipay/notify"
        )
        response = await app.state.client.post(setting("ALIPAY_URL"), data=form, timeout=15)
        found = verified_response(keys, "alipay.trade.pay", response.content)
        return {
            "code": found["code"],
            "sub_code": found.get("sub_code"),
            "trade_no": found.get("trade_no"),
            "buyer_id": found.get("buyer_open_id") or found.get("buyer_user_id"),
        }

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app
