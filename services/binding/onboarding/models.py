"""The tables of onboarding: how far each row is, what was typed, and which devices there are."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.binding.models import Base, _Id, _instant, _key


class OnboardingRow(Base):
    """How far one row of the onboarding map is, for one app; "" stands for the app to be."""

    __tablename__ = "onboarding_rows"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    row: Mapped[str] = _key()
    state: Mapped[str]
    remedy: Mapped[str | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str | None]
    by: Mapped[str]
    at: Mapped[datetime] = _instant()
    attempts: Mapped[int]
    next_check_at: Mapped[datetime | None] = _instant()
    request_id: Mapped[UUID | None]
    """what was asked of the device service last; only its answer counts"""
    answer: Mapped[int | None]
    """the number of what was heard last about that; None: nothing yet"""


class OnboardingDraft(Base):
    """What was last typed into a row's form, sent or not; "" stands for the app to be."""

    __tablename__ = "onboarding_drafts"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    row: Mapped[str] = _key()
    form: Mapped[dict[str, Any]] = mapped_column(JSONB)
    by: Mapped[str]
    at: Mapped[datetime] = _instant()


TERMINAL = "terminal"
"""The kind of a device that is no page of the console."""


class KnownDevice(Base):
    """A device as its events tell: it can take payments from `enrolled_at` until `revoked_at`."""

    __tablename__ = "known_devices"

    tenant_id: _Id = _key()
    device_id: _Id = _key()
    sn: Mapped[str]
    kind: Mapped[str]
    """`test_cashier`: a page of the console"""
    enrolled_at: Mapped[datetime | None] = _instant()
    revoked_at: Mapped[datetime | None] = _instant()
    at: Mapped[datetime] = _instant()
    """when what was heard last had happened"""
