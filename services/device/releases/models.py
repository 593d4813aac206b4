"""The tables of releases: requests, the state of each step, and messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.device.models import Base, _Id, _key


class ReleaseTask(Base):
    """A request; those about the same step of an app are worked on one after the other."""

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
    """committed before an act's call: from then on the act is not repeated, only its step is
    checked"""
    done_at: Mapped[datetime | None]


class AppRelease(Base):
    """The state of one step of an app."""

    __tablename__ = "app_releases"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    step: Mapped[str] = _key()
    version: Mapped[str]
    """the version in the newest request; the uploaded version takes precedence over it"""
    state: Mapped[str]
    remedy: Mapped[str | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: _Id
    """the newest request about it that was started"""
    number: Mapped[int]
    """how often it was published"""
    attempts: Mapped[int]
    at: Mapped[datetime]
    next_look_at: Mapped[datetime | None]


class AppMessage(Base):
    """A verified app-gateway message; `handled_at`: when it has brought checks forward."""

    __tablename__ = "app_messages"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    msg_id: Mapped[str] = _key()
    msg_method: Mapped[str]
    biz_content: Mapped[str]
    body: Mapped[bytes]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
