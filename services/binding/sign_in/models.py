"""The tables behind signing in, beside the accounts and sessions themselves."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.binding.models import Base, _Id, _instant, _key


class KnownBrowser(Base):
    """A browser from which this person has signed in before; of its cookie only the digest."""

    __tablename__ = "known_browsers"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    browser_hash: Mapped[str] = _key()
    created_at: Mapped[datetime] = _instant()
    seen_at: Mapped[datetime] = _instant()


class PasswordLink(Base):
    """A link with which a person chooses a password, once; of its token only the digest."""

    __tablename__ = "password_links"

    tenant_id: _Id = _key()
    link_hash: Mapped[str] = _key()
    user_id: _Id
    made_by: Mapped[str]
    made_at: Mapped[datetime] = _instant()
    expires_at: Mapped[datetime] = _instant()
    used_at: Mapped[datetime | None] = _instant()
    is_reset: Mapped[bool]
    """whether the account had a password before"""
    removes_second_factor: Mapped[bool]
    limits_powers: Mapped[bool] = mapped_column(default=False)
    """an operator made it for an owner of a merchant of which somebody had a password: for a while
    the account does less"""


class RecoveryCode(Base):
    """Serves once instead of a code of the authenticator app."""

    __tablename__ = "recovery_codes"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    code_hash: Mapped[str] = _key()
    made_at: Mapped[datetime] = _instant()
    used_at: Mapped[datetime | None] = _instant()


class Passkey(Base):
    """A public key of a person's authenticator: no secret, and the tenant's like its person."""

    __tablename__ = "passkeys"

    tenant_id: _Id = _key()
    passkey_id: _Id = _key()
    user_id: _Id
    credential_id: Mapped[str]
    """what the authenticator calls it, in base64url; nobody else's anywhere has the same"""
    public_key: Mapped[bytes]
    """COSE_Key, as registered"""
    sign_count: Mapped[int] = mapped_column(BigInteger)
    """the authenticator's own count of signatures, which only rises; 0: it has none"""
    name: Mapped[str]
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = _instant()
    last_used_at: Mapped[datetime | None] = _instant()


class PasskeyChallenge(Base):
    """What an authenticator is asked to sign, by one person, for one purpose, once."""

    __tablename__ = "passkey_challenges"

    tenant_id: _Id = _key()
    challenge_hash: Mapped[str] = _key()
    user_id: _Id
    purpose: Mapped[str]
    session_id: Mapped[UUID | None]
    """the only one in which it may be answered; a sign-in has none yet"""
    made_at: Mapped[datetime] = _instant()
    expires_at: Mapped[datetime] = _instant()


class RefusedSignIns(Base):
    """The refused tries of one hour at one account, counted; the last one's place."""

    __tablename__ = "refused_sign_ins"

    tenant_id: _Id = _key()
    user_id: _Id = _key()
    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    tries: Mapped[int]
    last_at: Mapped[datetime] = _instant()
    address: Mapped[str]
    user_agent: Mapped[str]
