"""The notify inbox's half of the hot path: each call is one statement in a transaction of its own
(store.sql)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.payment.functions import call, call_each, there
from services.payment.notices.notification import Notice, NoticeFault
from services.payment.payments.store import payment_of
from services.payment.snapshot import Payment
from shared.db import Database

NoticeVerdict = Literal["RECEIVED", "DUPLICATE", "MISMATCH"]

_LEASE_NOTICES = call("notices_lease", 2)
_STORE_NOTICES = call_each(
    "notice_store",
    "uuid text text text text text text text bigint text text timestamptz text bytea timestamptz",
)
_CLOSE_NOTICE = call("notice_close", 5)
_RENEW_NOTICE = call("notice_renew", 4, "notice_renew")
_ANSWER_NOTICE = call("notice_answered", 5)
_NOTICE_NAMES = tuple(field.name for field in fields(Notice))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified notice as it came; `columns` are notice_store's arguments."""

    notice: Notice
    fault: NoticeFault | None
    body: bytes
    received_at: datetime

    @property
    def columns(self) -> tuple[Any, ...]:
        mine = (getattr(self.notice, name) for name in _NOTICE_NAMES)
        return (*mine, self.fault, self.body, self.received_at)


@dataclass(frozen=True, slots=True)
class Stored:
    """What an arrival amounted to."""

    verdict: NoticeVerdict
    why: str
    """it is a mismatch or a duplicate, or the word none"""
    payment: Payment | None
    """the row to act on, when the verdict is RECEIVED"""


async def store_notices(db: Database, arrivals: Sequence[Arrival], try_s: float) -> list[Stored]:
    """Stores each once, all in one transaction: on return all are committed, on an error none is.
    RECEIVED is tried again after `try_s` unless somebody settles it before."""
    # Two batches that share notices must take their rows in the same order.
    order = sorted(range(len(arrivals)), key=lambda place: _place(arrivals[place].notice))
    columns = zip(*(arrivals[place].columns for place in order), strict=True)
    records = await db.many(_STORE_NOTICES, *columns, try_s)
    found = {place: _stored(record) for place, record in zip(order, records, strict=True)}
    return [found[place] for place in range(len(arrivals))]


def _place(notice: Notice) -> tuple[UUID, str, str]:
    return notice.tenant_id, notice.app_id, notice.notify_id


def _stored(record: Any) -> Stored:
    payment = payment_of(record) if record["payment_id"] is not None else None
    return Stored(record["verdict"], record["why"] or "none", payment)


async def lease_notices(
    db: Database, limit: int, lease_s: float
) -> list[tuple[NoticeVerdict, Notice]]:
    """Due notices, each with its state: RECEIVED, or MISMATCH for one that is quarantined."""
    records = await db.system.many(_LEASE_NOTICES, limit, lease_s)
    return [
        (record["state"], Notice(*(record[name] for name in _NOTICE_NAMES))) for record in records
    ]


async def answer_notice(db: Database, notice: Notice, said: str, *, is_final: bool) -> None:
    """Keeps what the channel said about the trade of a quarantined notice."""
    await db.one(_ANSWER_NOTICE, notice.tenant_id, notice.app_id, notice.notify_id, said, is_final)


async def close_notice(
    db: Database, notice: Notice, state: Literal["APPLIED", "DUPLICATE", "MISMATCH"], detail: str
) -> None:
    await db.one(_CLOSE_NOTICE, notice.tenant_id, notice.app_id, notice.notify_id, state, detail)


async def renew_notice(db: Database, notice: Notice, lease_s: float) -> bool:
    """Keeps an open notice from coming due while it is being looked at."""
    name = notice.tenant_id, notice.app_id, notice.notify_id
    return bool(there(await db.one(_RENEW_NOTICE, *name, lease_s))[0])
