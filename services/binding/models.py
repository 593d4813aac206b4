"""The binding service's tables; `migrations/` makes them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


_Id = Mapped[UUID]


def _key() -> Any:
    return mapped_column(primary_key=True)


def _instant() -> Any:
    return mapped_column(DateTime(timezone=True))


class Merchant(Base):
    """A tenant."""

    __tablename__ = "merchants"

    tenant_id: _Id = _key()
    name: Mapped[str]
    created_at: Mapped[datetime] = _instant()


class Store(Base):
    __tablename__ = "stores"

    tenant_id: _Id = _key()
    store_id: _Id = _key()
    name: Mapped[str]
    created_at: Mapped[datetime] = _instant()


class User(Base):
    """A person; operators live under their organisation's id as tenant."""

    __tablename__ = "users"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    login: Mapped[str]
    login_hash: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]
    is_enabled: Mapped[bool]
    created_at: Mapped[datetime] = _instant()


class LoginTries(Base):
    """The brake on one login, whether anybody has it or not."""

    __tablename__ = "login_tries"

    tenant_id: _Id = _key()
    login_hash: Mapped[str] = _key()
    failures: Mapped[int]
    tried_at: Mapped[datetime | None] = _instant()
    locked_until: Mapped[datetime | None] = _instant()


class Session(Base):
    """A signed-in browser; of its cookie and CSRF token only the digests are here."""

    __tablename__ = "sessions"

    tenant_id: _Id = _key()
    session_id: _Id = _key()
    session_hash: Mapped[str]
    csrf_token_hash: Mapped[str]
    user_id: _Id
    created_at: Mapped[datetime] = _instant()
    seen_at: Mapped[datetime] = _instant()
    expires_at: Mapped[datetime] = _instant()
    revoked_at: Mapped[datetime | None] = _instant()


class App(Base):
    """A bound mini program: one record behind both settings pages (S8, S36)."""

    __tablename__ = "apps"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    seller_id: Mapped[str]
    notify_route: Mapped[str]
    is_enabled: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime] = _instant()
    updated_at: Mapped[datetime] = _instant()


class AppKey(Base):
    """One version of an app's keys; the newest has no `not_after`."""

    __tablename__ = "app_keys"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    key_version: Mapped[int] = _key()
    private_key_box: Mapped[str | None]
    private_key_aad: Mapped[str]
    app_public_key: Mapped[str]
    alipay_public_key: Mapped[str]
    fingerprint: Mapped[str]
    bits: Mapped[int]
    created_at: Mapped[datetime] = _instant()
    not_after: Mapped[datetime | None] = _instant()


class DataKey(Base):
    """A wrapped data key; one per tenant, purpose and key-encryption key."""

    __tablename__ = "data_keys"

    tenant_id: _Id = _key()
    purpose: Mapped[str] = _key()
    kek_id: Mapped[str] = _key()
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime] = _instant()


class AuditEntry(Base):
    """Who did what, when, and what it was before; never a secret."""

    __tablename__ = "audit_log"

    tenant_id: _Id = _key()
    audit_id: _Id = _key()
    at: Mapped[datetime] = _instant()
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    request_id: Mapped[str | None]


class AppMessage(Base):
    """A verified app-gateway message, once; `handled_at` when onboarding has acted on it."""

    __tablename__ = "app_messages"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    msg_id: Mapped[str] = _key()
    msg_method: Mapped[str]
    biz_content: Mapped[str]
    body: Mapped[bytes]
    received_at: Mapped[datetime] = _instant()
    handled_at: Mapped[datetime | None] = _instant()
