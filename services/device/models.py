"""The device service's tables; `migrations/` makes them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012


_Id = Mapped[UUID]


def _key() -> Any:
    return mapped_column(primary_key=True)


class Store(Base):
    """A store, from binding's events."""

    __tablename__ = "stores"

    tenant_id: _Id = _key()
    store_id: _Id = _key()
    name: Mapped[str]
    created_at: Mapped[datetime]
    said_at: Mapped[datetime]
    """time of the event with that name"""


class Device(Base):
    """A terminal; its key is sealed for this row and this key version."""

    __tablename__ = "devices"

    tenant_id: _Id = _key()
    device_id: _Id = _key()
    store_id: _Id
    sn: Mapped[str]
    name: Mapped[str | None]
    """its name; None: it has only its number"""
    kind: Mapped[str]
    model: Mapped[str | None]
    status: Mapped[str]
    key_id: Mapped[str]
    key_version: Mapped[int]
    key_box: Mapped[str]
    key_aad: Mapped[str]
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    enrolled_by: Mapped[str | None]
    """the maker of its code; None: enrolled before this was stored"""
    seen_at: Mapped[datetime | None]
    """time of its last signed request, to the minute"""
    moved_at: Mapped[datetime | None]
    """when a person moved it to another store; an enrolment is not a move"""
    version: Mapped[int]


class EnrolmentCode(Base):
    """A single-use code; only its digest and its last letters are stored."""

    __tablename__ = "enrolment_codes"

    tenant_id: _Id = _key()
    code_id: _Id = _key()
    code_hash: Mapped[str]
    hint: Mapped[str]
    store_id: _Id
    sn: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None]
    tries: Mapped[int]


class LeftRole(Base):
    """A person of any organisation who was disabled, got another role or has a new password, from
    binding's events."""

    __tablename__ = "left_roles"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    left_at: Mapped[datetime | None]
    renewed_at: Mapped[datetime | None]


class Standing(Base):
    """Whether a merchant is suspended, by binding's latest event."""

    __tablename__ = "merchant_standings"

    tenant_id: _Id = _key()
    is_suspended: Mapped[bool]
    said_at: Mapped[datetime]


class DataKey(Base):
    """A wrapped data key; one per tenant, purpose and key-encryption key."""

    __tablename__ = "data_keys"

    tenant_id: _Id = _key()
    purpose: Mapped[str] = _key()
    kek_id: Mapped[str] = _key()
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]
