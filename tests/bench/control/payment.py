"""The control's payment service: two ORM transactions around the channel call."""

import hashlib
import json
import secrets as random_source
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tests.bench.control.models import Nonce, NotifyInbox, Outbox, Payment, new_id, now
from tests.bench.control.settings import get_session, secrets, setting

Session = Annotated[AsyncSession, Depends(get_session)]


class PayBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    pay_request_id: str
    amount_fen: int
    auth_code: str
    subject: str = "sale"


class PayState(BaseModel):
    payment_id: str
    pay_request_id: str
    out_trade_no: str
    status: str
    amount_fen: int


class NotifyBody(BaseModel):
    fields: dict[str, str]
    body: str


def _state(row: Payment) -> dict[str, Any]:
    return {
        "payment_id": row.id,
        "pay_request_id": row.pay_request_id,
        "out_trade_no": row.out_trade_no,
        "status": {"SUCCESS": "paid", "FAILED": "failed"}.get(row.status, "pending"),
        "amount_fen": row.amount_fen,
    }


def _event(row: Payment) -> Outbox:
    said = {
        "id": new_id(),
        "type": "payment.succeeded.v1" if row.status == "SUCCESS" else "payment.failed.v1",
        "payment_id": row.id,
        "merchant_id": row.merchant_id,
        "store_id": row.store_id,
        "device_id": row.device_id,
        "out_trade_no": row.out_trade_no,
        "total_fen": row.amount_fen,
        "buyer_id": row.buyer_id,
        "paid_at": row.paid_at.isoformat() if row.paid_at else None,
    }
    return Outbox(
        id=said["id"], topic="control.payments", key=row.id, payload=json.dumps(said).encode()
    )


async def _find(session: AsyncSession, merchant_id: str, pay_request_id: str) -> Payment | None:
    return await session.scalar(
        select(Payment).where(
            Payment.merchant_id == merchant_id, Payment.pay_request_id == pay_request_id
        )
    )


router = APIRouter()


@router.post("/payments", response_model=PayState)
async def pay(
    request: Request,
    body: PayBody,
    session: Session,
    x_device: Annotated[str, Header()],
    x_nonce: Annotated[str, Header()],
) -> Any:
    known = request.app.state.known
    existing = await _find(session, known["merchant_id"], body.pay_request_id)
    if existing is not None:
        return _state(existing)
    row = Payment(
        merchant_id=known["merchant_id"],
        store_id=known["store_id"],
        device_id=x_device,
        pay_request_id=body.pay_request_id,
        out_trade_no=random_source.token_hex(16),
        amount_fen=body.amount_fen,
        auth_code_hash=hashlib.sha256(body.auth_code.encode()).hexdigest(),
        scene="security_code" if body.auth_code.startswith("fp") else "bar_code",
        subject=body.subject,
    )
    session.add(row)
    session.add(Nonce(device_id=x_device, nonce=x_nonce))
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409, "seen before") from None
    response = await request.app.state.client.post(
        "/pay",
        json={
            "out_trade_no": row.out_trade_no,
            "scene": row.scene,
            "auth_code": body.auth_code,
            "amount_fen": row.amount_fen,
            "subject": row.subject,
        },
        timeout=20,
    )
    await _settle(session, row, response.json())
    return _state(row)


@router.post("/notify")
async def notify(body: NotifyBody, session: Session) -> dict[str, str]:
    fields = body.fields
    known_notify = await session.get(NotifyInbox, fields["notify_id"])
    if known_notify is not None:
        return {"verdict": "duplicate"}
    payment = await session.scalar(
        select(Payment).where(Payment.out_trade_no == fields["out_trade_no"])
    )
    if payment is not None and payment.status == "SUBMITTED":
        await _settle(session, payment, {"code": "10000", "trade_no": fields["trade_no"]})
    session.add(
        NotifyInbox(
            notify_id=fields["notify_id"],
            out_trade_no=fields["out_trade_no"],
            body=body.body.encode(),
            state="APPLIED",
        )
    )
    await session.commit()
    return {"verdict": "stored"}


@router.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


def create_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.known = secrets()
        async with httpx.AsyncClient(base_url=setting("EGRESS_URL")) as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    return app


async def _settle(session: AsyncSession, row: Payment, response: dict[str, Any]) -> None:
    await session.refresh(row, with_for_update=True)
    if row.status == "SUBMITTED" and response["code"] in {"10000", "40004"}:
        row.status = "SUCCESS" if response["code"] == "10000" else "FAILED"
        row.trade_no = response.get("trade_no")
        row.buyer_id = response.get("buyer_id")
        row.paid_at = now()
        session.add(_event(row))
    await session.commit()
