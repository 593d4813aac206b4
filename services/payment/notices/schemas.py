"""Bodies of the notify inbox: what the edge delivers, and what an operator sees."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import unquote_to_bytes
from uuid import UUID

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from services.payment.models import NoticeRow, RefusalRow, ReplayRow
from shared.contracts.fields import COUNT_MAX, Instant, Text, Verbatim
from shared.contracts.notices import Notice

NoticeState = Literal["RECEIVED", "APPLIED", "DUPLICATE", "MISMATCH"]
SAMPLE_BYTES_MAX = 2048
FORMS = frozenset({"alipay"})
"""Channels whose notices are forms."""

_PERSONAL = frozenset(
    {"buyer_id", "buyer_open_id", "buyer_user_id", "buyer_logon_id", "seller_email"}
)
_KEPT_ENDS = 4


class NoticesBody(BaseModel):
    """POST /internal/notify"""

    model_config = ConfigDict(extra="ignore", frozen=True)

    items: Annotated[list[Notice], Field(min_length=1, max_length=256)]


class RefusalBody(BaseModel):
    """How often the edge refused an app's notices under one reason since its last report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant_id: UUID | None
    app_id: Annotated[str, Verbatim(64)]
    reason: Annotated[str, Text(32, pattern=r"^[a-z0-9_]+$")]
    refused: Annotated[int, Field(ge=1, le=COUNT_MAX)]
    first_at: Instant
    last_at: Instant
    client: Annotated[str, Verbatim(64)]
    out_trade_no: Annotated[str, Verbatim(64)]
    body_b64: Base64Bytes


class RefusalsBody(BaseModel):
    """POST /internal/notify-refusals"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: Annotated[list[RefusalBody], Field(min_length=1, max_length=64)]


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VerdictsOut(_Out):
    """Of each notice, in their order."""

    verdicts: list[str]


class TakenOut(_Out):
    taken: int


class NoticeOut(_Out):
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
    """when the worker processes it next"""
    asked_at: datetime | None
    query_said: str | None

    @classmethod
    def of(cls, row: NoticeRow) -> Self:
        return cls(**_members(row))


class NoticeList(_Out):
    """Newest first; `next` is the `cursor` of the page after, `previous` the `before` of the page
    before."""

    items: list[NoticeOut]
    next: str | None
    previous: str | None


class ReplayOut(_Out):
    actor: str
    at: datetime
    verdict_before: NoticeState
    verdict_after: NoticeState | None

    @classmethod
    def of(cls, row: ReplayRow) -> Self:
        return cls(
            actor=row.actor,
            at=row.replayed_at,
            verdict_before=cast(Any, row.state_before),
            verdict_after=cast(Any, row.state_after),
        )


class NoticeDetailOut(NoticeOut):
    """The whole notice; what names the buyer is masked."""

    seller_id: str | None
    out_biz_no: str | None
    fields: dict[str, str]
    body_bytes: int
    body_sha256: str
    replays: list[ReplayOut]

    @classmethod
    def from_rows(cls, row: NoticeRow, replays: list[ReplayRow]) -> Self:
        """The notice and its replays; without the signature and the raw bytes."""
        return cls(
            **_members(row),
            seller_id=row.seller_id,
            out_biz_no=row.out_biz_no,
            fields=shown_fields(row),
            body_bytes=len(row.body),
            body_sha256=hashlib.sha256(row.body).hexdigest(),
            replays=[ReplayOut.of(replay) for replay in replays],
        )


class RefusalOut(_Out):
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

    @classmethod
    def of(cls, row: RefusalRow) -> Self:
        is_known = row.tenant_id.int != 0
        return cls(
            merchant_id=str(row.tenant_id) if is_known else None,
            app_id=row.app_id or None,
            reason=row.reason,
            hour=row.hour,
            refused=row.refused,
            first_at=row.first_at,
            last_at=row.last_at,
            last_client=row.last_client,
            last_out_trade_no=row.last_out_trade_no or None,
            last_fields=form_view(row.last_body),
        )


class RefusalList(_Out):
    items: list[RefusalOut]


def _members(row: NoticeRow) -> dict[str, Any]:
    """The members that the list and the single notice share."""
    return {
        "merchant_id": str(row.tenant_id),
        "app_id": row.app_id,
        "notify_id": row.notify_id,
        "kind": row.kind,
        "out_trade_no": row.out_trade_no,
        "trade_no": row.trade_no,
        "total_fen": row.total_fen,
        "verdict": row.state,
        "reason": row.detail,
        "received_at": row.received_at,
        "deliveries": row.deliveries,
        "last_received_at": row.last_received_at,
        "last_reason": row.last_detail,
        "due_at": row.next_try_at,
        "asked_at": row.asked_at,
        "query_said": row.query_said,
    }


def shown_fields(row: NoticeRow) -> dict[str, str]:
    """The fields of its body, for a person. Empty for a channel whose bodies are not forms, because
    fields that name the buyer would not be masked."""
    return form_view(row.body) if row.channel in FORMS else {}


def form_view(body: bytes) -> dict[str, str]:
    """A form's fields, masked, for display only."""
    pairs = (pair.partition(b"=") for pair in body.split(b"&") if pair)
    read = ((_text(name), _text(value)) for name, _, value in pairs)
    return {name: _masked(name, value) for name, value in read}


def _text(quoted: bytes) -> str:
    raw = unquote_to_bytes(quoted.replace(b"+", b" "))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _masked(name: str, value: str) -> str:
    if name == "sign":
        return f"{value[:8]}…" if value else ""
    if name not in _PERSONAL or not value:
        return value
    if "*" in value:
        return value
    if len(value) <= 2 * _KEPT_ENDS:
        return "****"
    return f"{value[:_KEPT_ENDS]}****{value[-_KEPT_ENDS:]}"
