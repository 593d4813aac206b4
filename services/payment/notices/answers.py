"""What the notify inbox's doors answer, for the OpenAPI document. The doors write these documents
themselves (`schemas.py`); a test reads their answers with these models."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.payment.notices.schemas import NoticeState


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VerdictsOut(_Answer):
    """Of each notice, in their order."""

    verdicts: list[str]


class TakenOut(_Answer):
    taken: int


class NoticeOut(_Answer):
    """One notice and what became of it."""

    merchant_id: str
    app_id: str
    notify_id: str
    kind: str
    out_trade_no: str | None
    trade_no: str | None
    total_fen: int | None
    verdict: NoticeState
    reason: str | None
    received_at: datetime
    deliveries: int
    last_received_at: datetime | None
    last_reason: str | None
    due_at: datetime | None
    """when the worker looks at it next"""
    asked_at: datetime | None
    query_said: str | None


class NoticeList(_Answer):
    """Newest first; `next` is the `cursor` of the page after, `previous` the `before` of the page
    before."""

    items: list[NoticeOut]
    next: str | None
    previous: str | None


class ReplayOut(_Answer):
    actor: str
    at: datetime
    verdict_before: NoticeState
    verdict_after: NoticeState | None


class NoticeDetailOut(NoticeOut):
    """The whole notice; what names the buyer is masked."""

    seller_id: str | None
    out_biz_no: str | None
    fields: dict[str, str]
    body_bytes: int
    body_sha256: str
    replays: list[ReplayOut]


class RefusalOut(_Answer):
    """One hour of one reason, with the last refused delivery as an example."""

    merchant_id: str | None
    app_id: str | None
    reason: str
    hour: datetime
    refused: int
    first_at: datetime
    last_at: datetime
    last_client: str
    last_out_trade_no: str | None
    last_fields: dict[str, str]


class RefusalList(_Answer):
    items: list[RefusalOut]
