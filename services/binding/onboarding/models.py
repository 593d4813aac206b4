"""The tables of onboarding: the states of rows, the drafts of forms, and the known devices."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.binding.models import Base, _Id, _key


class OnboardingRow(Base):
    """The state of one row of the onboarding map, for one app; "": an app that is not bound yet."""

    __tablename__ = "onboarding_rows"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    row: Mapped[str] = _key()
    state: Mapped[str]
    remedy: Mapped[str | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str | None]
    by: Mapped[str]
    at: Mapped[datetime]
    attempts: Mapped[int]
    next_check_at: Mapped[datetime | None]
    request_id: Mapped[UUID | None]
    """the last request to the device service; only its answers are applied"""
    answer: Mapped[int | None]
    """the number of the last answer to it; None: no answer yet"""


class OnboardingDraft(Base):
    """The last texts of a row's form, sent or not; "": an app that is not bound yet."""

    __tablename__ = "onboarding_drafts"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    row: Mapped[str] = _key()
    form: Mapped[dict[str, Any]] = mapped_column(JSONB)
    by: Mapped[str]
    at: Mapped[datetime]


TERMINAL = "terminal"
"""The kind of a real device; the other kind is a page of the console."""


class KnownDevice(Base):
    """A device, from its events: it can take payments from `enrolled_at` until `revoked_at`."""

    __tablename__ = "known_devices"

    tenant_id: _Id = _key()
    device_id: _Id = _key()
    sn: Mapped[str]
    kind: Mapped[str]
    """`test_cashier`: a page of the console"""
    enrolled_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    at: Mapped[datetime]
    """the time of the last event"""
