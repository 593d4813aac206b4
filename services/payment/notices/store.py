"""The hot path of the notify inbox: each call is one statement in a transaction of its own
(store.sql)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from services.payment.channels.port import Paid
from services.payment.functions import call, call_each, required_row
from services.payment.payments.store import payment_of
from services.payment.snapshot import Payment
from shared.contracts.notices import Notice
from shared.db import Database

NoticeVerdict = Literal["RECEIVED", "DUPLICATE", "MISMATCH"]

COLUMNS = {
    "tenant_id": "uuid",
    "app_id": "text",
    "notify_id": "text",
    "channel": "text",
    "kind": "text",
    "fault": "text",
    "out_trade_no": "text",
    "trade_no": "text",
    "out_request_no": "text",
    "seller_id": "text",
    "total_fen": "bigint",
    "buyer_id": "text",
    "buyer_logon_id": "text",
    "paid_at": "timestamptz",
    "body_b64": "bytea",
    "received_at": "timestamptz",
}
"""The members of a notice that `notice_store` takes: parameter name -> type."""

_LEASE_NOTICES = call("notices_lease", 2)
_STORE_NOTICES = call_each("notice_store", COLUMNS, "try_s")
_CLOSE_NOTICE = call("notice_close", 5)
_RENEW_NOTICE = call("notice_renew", 4, "notice_renew")
_RECORD_QUERY = call("notice_answered", 5)


class NoticeName(NamedTuple):
    """Identifies a notice: the channel's id is unique within an app."""

    tenant_id: UUID
    app_id: str
    notify_id: str

    @classmethod
    def of(cls, record: "NoticeRecord") -> Self:
        return cls(record["tenant_id"], record["app_id"], record["notify_id"])


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """The result of storing a notice."""

    verdict: NoticeVerdict
    why: str
    """the reason of a mismatch or a duplicate; `none` if there is no reason"""
    payment: Payment | None
    """the payment to act on, if the verdict is RECEIVED"""


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A stored notice that is due."""

    name: NoticeName
    verdict: NoticeVerdict
    """RECEIVED, or MISMATCH if it is quarantined"""
    out_trade_no: str
    paid: Paid | None


NoticeRecord = Notice | Mapping[str, Any]
"""A notice from the edge, or its row: the members have the columns' names."""


def paid_by(record: NoticeRecord) -> Paid | None:
    """The fact that a complete notice of a paid trade reports; None for any other notice."""
    trade_no, total_fen, paid_at = record["trade_no"], record["total_fen"], record["paid_at"]
    if record["kind"] != "paid" or trade_no is None or total_fen is None or paid_at is None:
        return None
    return Paid(
        trade_no=trade_no,
        total_fen=total_fen,
        paid_at=paid_at,
        buyer_id=record["buyer_id"],
        buyer_logon_id=record["buyer_logon_id"],
    )


async def store_notices(
    db: Database, notices: Sequence[Notice], try_s: float
) -> list[StoredNotice]:
    """Stores each notice once, all in one transaction: on return all are committed, on an error
    none is. A RECEIVED notice becomes due after `try_s`, unless it is settled before."""
    # Two batches with common notices must lock their rows in the same order.
    order = sorted(range(len(notices)), key=lambda index: NoticeName.of(notices[index]))
    rows: list[Mapping[str, Any]] = [notices[index] for index in order]
    columns = ([row[name] for row in rows] for name in COLUMNS)
    records = await db.many(_STORE_NOTICES, *columns, try_s)
    stored = {index: _stored(record) for index, record in zip(order, records, strict=True)}
    return [stored[index] for index in range(len(notices))]


def _stored(record: Any) -> StoredNotice:
    payment = payment_of(record) if record["payment_id"] is not None else None
    return StoredNotice(record["verdict"], record["why"] or "none", payment)


async def lease_notices(db: Database, limit: int, lease_s: float) -> list[DueNotice]:
    records = await db.system.many(_LEASE_NOTICES, limit, lease_s)
    return [_due(record) for record in records]


def _due(record: Any) -> DueNotice:
    name = NoticeName.of(record)
    return DueNotice(name, record["state"], record["out_trade_no"], paid_by(record))


async def record_query(db: Database, name: NoticeName, result: str, *, is_final: bool) -> None:
    """Stores the channel's query result about the trade of a quarantined notice."""
    await db.one(_RECORD_QUERY, *name, result, is_final)


async def close_notice(
    db: Database, name: NoticeName, state: Literal["APPLIED", "DUPLICATE", "MISMATCH"], detail: str
) -> None:
    await db.one(_CLOSE_NOTICE, *name, state, detail)


async def renew_notice(db: Database, name: NoticeName, lease_s: float) -> bool:
    """Keeps an open notice from becoming due while it is processed."""
    return bool(required_row(await db.one(_RENEW_NOTICE, *name, lease_s))[0])
