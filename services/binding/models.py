"""The binding service's tables; `migrations/` makes them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, FetchedValue, MetaData, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012


_Id = Mapped[UUID]


def _key() -> Any:
    return mapped_column(primary_key=True)


class Merchant(Base):
    """A tenant."""

    __tablename__ = "merchants"

    tenant_id: _Id = _key()
    name: Mapped[str]
    created_at: Mapped[datetime]
    handle: Mapped[str]
    """what the logins of its people end with, after an @; never changed"""
    edition: Mapped[str] = mapped_column(default="flagship")
    dual_control: Mapped[bool] = mapped_column(default=False)
    support_contact: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    suspended_at: Mapped[datetime | None]
    suspended_reason: Mapped[str] = mapped_column(default="")
    """why, while it is suspended; empty otherwise"""


class Store(Base):
    __tablename__ = "stores"

    tenant_id: _Id = _key()
    store_id: _Id = _key()
    name: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class User(Base):
    """A person; operators live under their organisation's id as tenant."""

    __tablename__ = "users"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    login: Mapped[str]
    login_hash: Mapped[str]
    login_handle: Mapped[str]
    """the part of the login after the last @, in canonical form; empty without an @"""
    password_hash: Mapped[str]
    role: Mapped[str]
    is_enabled: Mapped[bool]
    created_at: Mapped[datetime]
    name: Mapped[str]
    store_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    """the only stores a cashier sees; empty: all"""
    version: Mapped[int] = mapped_column(default=1)
    may_approve_from: Mapped[datetime | None]
    """when a new, promoted or reset account may be somebody's second approver"""
    limited_until: Mapped[datetime | None]
    """until then an owner whom an operator helped to sign in again may not move money or change
    permissions"""
    totp_box: Mapped[str | None]
    """the secret of the authenticator app, sealed; valid since `totp_since`"""
    totp_aad: Mapped[str] = mapped_column(default="")
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """the newest time step whose code was used, so that no code can be used twice"""
    passkey_count: Mapped[int] = mapped_column(default=0)
    """how many rows of `passkeys` are this person's; changed with them, under this row's lock"""


class LoginTries(Base):
    """The throttle's counter of one login at one place, whether anybody has that login or not."""

    __tablename__ = "login_tries"

    tenant_id: _Id = _key()
    login_hash: Mapped[str] = _key()
    failures: Mapped[int]
    begun: Mapped[int] = mapped_column(default=0)
    """tries whose password is being checked"""
    tried_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]


class Session(Base):
    """A signed-in browser; only the digests of its cookie and its CSRF token are stored."""

    __tablename__ = "sessions"

    tenant_id: _Id = _key()
    session_id: _Id = _key()
    session_hash: Mapped[str]
    csrf_token_hash: Mapped[str]
    user_id: _Id
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    step_up_until: Mapped[datetime | None]
    previous_hash: Mapped[str | None]
    """the cookie before the last renewal: valid a moment longer, for requests under way with it"""
    previous_until: Mapped[datetime | None]
    previous_step_up_until: Mapped[datetime | None]
    acting_tenant_id: Mapped[UUID | None]
    acting_id: Mapped[UUID | None]


class Acting(Base):
    """An operator acts for this merchant, with a reason and for a limited time."""

    __tablename__ = "acting"

    tenant_id: _Id = _key()
    acting_id: _Id = _key()
    operator_tenant_id: _Id
    operator_id: _Id
    operator_name: Mapped[str]
    session_id: _Id
    reason: Mapped[str]
    created_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ActingGrant(Base):
    """More permissions than look and help, for one operator at this merchant: requested, then given
    by an owner or a second operator, for a limited time (ADR 0019)."""

    __tablename__ = "acting_grants"

    tenant_id: _Id = _key()
    grant_id: _Id = _key()
    operator_tenant_id: _Id
    operator_id: _Id
    operator_name: Mapped[str]
    permission_set: Mapped[str]
    reason: Mapped[str]
    minutes: Mapped[int]
    state: Mapped[str]
    """asked, given, refused, ended"""
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """how long the request stays open"""
    decided_by: Mapped[UUID | None]
    decided_name: Mapped[str] = mapped_column(default="")
    decided_for: Mapped[str | None]
    """who consented: merchant (an owner), or operator (a second one)"""
    decided_at: Mapped[datetime | None]
    until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_cause: Mapped[str | None]
    """time, withdrawn, returned (by the operator), powers (the operator lost the permissions)"""


class ApiKey(Base):
    """A key of a merchant's own program. Its secret is shown once, and stored sealed for the
    gateway, which needs it to check HMACs."""

    __tablename__ = "api_keys"

    tenant_id: _Id = _key()
    key_id: Mapped[str] = _key()
    name: Mapped[str]
    store_id: Mapped[UUID | None]
    secret_digest: Mapped[str]
    secret_box: Mapped[str | None]
    secret_aad: Mapped[str]
    created_by: _Id
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class App(Base):
    """A bound mini program: one record behind both settings pages (S8, S36)."""

    __tablename__ = "apps"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    seller_id: Mapped[str]
    notify_route: Mapped[str]
    is_enabled: Mapped[bool]
    service_provider_id: Mapped[str]
    aes_key_box: Mapped[str | None]
    aes_key_aad: Mapped[str | None]
    app_auth_token_box: Mapped[str | None]
    app_auth_token_aad: Mapped[str | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(default="")
    """the last person who changed it: a login, the name of an operator, or the name of the command
    line"""
    proven_at: Mapped[datetime | None]
    """when the open platform first answered a call under keys bound here. Until then the binding
    takes no payments, and another merchant may bind the same AppID."""


class AppKey(Base):
    """One version of an app's keys. It is pending until the answer to a live call under it has been
    verified (`verified_at`). Then it is used, and the version before it gets a `not_after`."""

    __tablename__ = "app_keys"

    tenant_id: _Id = _key()
    app_id: Mapped[str] = _key()
    key_version: Mapped[int] = _key()
    mode: Mapped[str]
    private_key_box: Mapped[str | None]
    private_key_aad: Mapped[str]
    app_public_key: Mapped[str]
    alipay_public_key: Mapped[str]
    fingerprint: Mapped[str]
    bits: Mapped[int]
    app_cert: Mapped[str | None]
    alipay_cert: Mapped[str | None]
    alipay_root_cert: Mapped[str | None]
    app_cert_sn: Mapped[str | None]
    alipay_cert_sn: Mapped[str | None]
    alipay_root_cert_sn: Mapped[str | None]
    app_cert_not_after: Mapped[datetime | None]
    alipay_cert_not_after: Mapped[datetime | None]
    created_at: Mapped[datetime]
    not_after: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """when the egress last signed with it"""
    verified_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    check_remedy: Mapped[str | None]
    """the remedy for the fault that the last live call showed"""
    check_attempts: Mapped[int] = mapped_column(default=0)
    next_check_at: Mapped[datetime | None]
    retire_after_h: Mapped[int | None]
    """how long earlier versions stay usable once this one is verified"""

    @property
    def is_pending(self) -> bool:
        return self.verified_at is None and self.not_after is None


class DataKey(Base):
    """A wrapped data key; one per tenant, purpose and key-encryption key."""

    __tablename__ = "data_keys"

    tenant_id: _Id = _key()
    purpose: Mapped[str] = _key()
    kek_id: Mapped[str] = _key()
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]


class AuditEntry(Base):
    """Who did what and when, with the values before and after; never a secret. The database
    numbers, chains and hashes it on insert (the rule: services/binding/audit/chain.py)."""

    __tablename__ = "audit_log"

    tenant_id: _Id = _key()
    audit_id: _Id = _key()
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    request_id: Mapped[str | None]
    actor_name: Mapped[str] = mapped_column(default="")
    address: Mapped[str | None]
    reason: Mapped[str | None]
    """why an operator acted for the merchant"""
    seq: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    prev_hash: Mapped[str] = mapped_column(server_default=FetchedValue())
    hash: Mapped[str] = mapped_column(server_default=FetchedValue())


class AuditHead(Base):
    """The head of a tenant's chain, and how much of the chain has been anchored outside."""

    __tablename__ = "audit_heads"

    tenant_id: _Id = _key()
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
    anchored_seq: Mapped[int] = mapped_column(BigInteger)
    anchored_at: Mapped[datetime | None]


class KeyPair(Base):
    """An application key pair made here and not bound yet; its private half is sealed."""

    __tablename__ = "key_pairs"

    tenant_id: _Id = _key()
    key_pair_id: _Id = _key()
    private_key_box: Mapped[str | None]
    private_key_aad: Mapped[str]
    app_public_key: Mapped[str]
    fingerprint: Mapped[str]
    bits: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AppChangeRequest(Base):
    """A change that waits for a second person: of an app's binding (`app_id`), or of the rule
    itself. Its content is sealed, and erased when it is decided."""

    __tablename__ = "app_changes"

    tenant_id: _Id = _key()
    change_id: _Id = _key()
    kind: Mapped[str] = mapped_column(default="app")
    app_id: Mapped[str]
    state: Mapped[str]
    content_box: Mapped[str | None]
    content_aad: Mapped[str]
    summary: Mapped[dict[str, Any]] = mapped_column(JSONB)
    asked_by: _Id
    asked_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
