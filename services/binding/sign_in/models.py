"""The tables of signing in; those of accounts and sessions are in the root's models."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.binding.models import Base, _Id, _key


class KnownBrowser(Base):
    """A browser from which this person has signed in before; stored by the digest of its cookie."""

    __tablename__ = "known_browsers"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    browser_hash: Mapped[str] = _key()
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class PasswordLink(Base):
    """A one-time link with which a person chooses a password; only its token's digest is stored."""

    __tablename__ = "password_links"

    tenant_id: _Id = _key()
    link_hash: Mapped[str] = _key()
    user_id: _Id
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    is_reset: Mapped[bool]
    """whether the account had a password before"""
    removes_second_factor: Mapped[bool]
    limits_powers: Mapped[bool] = mapped_column(default=False)
    """an operator created it for an owner, and somebody of that merchant had a password: after its
    use the owner's permissions are limited for a while"""


class RecoveryCode(Base):
    """Can be used once instead of a code of the authenticator app."""

    __tablename__ = "recovery_codes"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    code_hash: Mapped[str] = _key()
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A public key of a person's authenticator. It is no secret."""

    __tablename__ = "passkeys"

    tenant_id: _Id = _key()
    passkey_id: _Id = _key()
    user_id: _Id
    credential_id: Mapped[str]
    """the authenticator's id of it, in base64url; unique among all tenants"""
    public_key: Mapped[bytes]
    """COSE_Key, as registered"""
    sign_count: Mapped[int] = mapped_column(BigInteger)
    """the authenticator's count of signatures, which only rises; 0: it does not count"""
    name: Mapped[str]
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """A challenge for an authenticator: for one person and one purpose, to be used once."""

    __tablename__ = "passkey_challenges"

    tenant_id: _Id = _key()
    challenge_hash: Mapped[str] = _key()
    user_id: _Id
    purpose: Mapped[str]
    session_id: Mapped[UUID | None]
    """the only session in which it may be used; a sign-in has none yet"""
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RefusedSignIns(Base):
    """The number of refused tries at one account in one hour, and the origin of the last one."""

    __tablename__ = "refused_sign_ins"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    hour: Mapped[datetime] = _key()
    tries: Mapped[int]
    last_at: Mapped[datetime]
    address: Mapped[str]
    user_agent: Mapped[str]
