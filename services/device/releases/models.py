"""The tables of releases: what was requested, how far each step is, and the messages about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.device.models import Base, _Id, _key


class ReleaseTask(Base):
    """A request, once, until it is done; of one step of an app one after the other."""

    __tablename__ = "release_tasks"

    tenant_id: _Id = _key()
    request_id: _Id = _key()
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    app_id: Mapped[str]
    step: Mapped[str]
    kind: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """the rest of the request, as it was published"""
    received_at: Mapped[datetime]
    lease: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    """committed before an act's call: from then on it is never made again, only asked about"""
    done_at: Mapped[datetime | None]


class AppRelease(Base):
    """How far one step of an app is."""

    __tablename__ = "app_releases"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    step: Mapped[str] = _key()
    version: Mapped[str]
    """what it is about, as far as the newest request said; the uploaded one goes before it"""
    state: Mapped[str]
    remedy: Mapped[str | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: _Id
    """the newest request about it that was begun"""
    number: Mapped[int]
    """how often it was published"""
    attempts: Mapped[int]
    at: Mapped[datetime]
    next_look_at: Mapped[datetime | None]


class AppMessage(Base):
    """A verified app-gateway message, once; `handled_at` when it has hurried a look."""

    __tablename__ = "app_messages"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    msg_id: Mapped[str] = _key()
    msg_method: Mapped[str]
    biz_content: Mapped[str]
    body: Mapped[bytes]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
