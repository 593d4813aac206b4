"""Service tokens: the caller of an internal request, signed with Ed25519 for at most a minute.

The issuer's private key stays in its process; each service holds the public keys of the issuers
that it accepts. A token has one audience and one algorithm, so it can be neither sent to another
service nor interpreted in another way (reliability-security §5.1, ASVS 9.1.2 and 9.2.3).
"""

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.clock import Clock
from shared.contracts.principal import Kind, Principal
from shared.contracts.speakers import may_speak
from shared.errors import Forbidden, Unauthorized

LIFETIME_S = 60
REUSE_S = 40
"""A token without a nonce is reused for so long; the rest of its life covers any call."""
SKEW_S = 5
CACHE_MAX = 512
TOKEN_MAX = 16 * 1024
"""A person who is bound to a hundred stores has a token of some 6 KB."""
_OPTIONS: Any = {
    "verify_exp": False, "verify_iat": False, "strict_aud": True, "require": ["exp", "iat"]
}  # fmt: skip
_TEXTS = ("sub", "tid", "sto", "non", "sid", "prm", "sts", "stu", "act", "nam")


class TokenSigner:
    """Issues tokens under one issuer name."""

    def __init__(self, issuer: str, private_key_pem: bytes, clock: Clock) -> None:
        key = serialization.load_pem_private_key(private_key_pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("a service key is an Ed25519 key")
        self.issuer = issuer
        self._key = key
        self.clock = clock
        self._reusable: dict[tuple[Any, ...], tuple[str, float]] = {}

    @classmethod
    def from_file(cls, issuer: str, path: Path, clock: Clock) -> Self:
        return cls(issuer, path.read_bytes(), clock)

    def issue(
        self, audience: str, *, kind: Kind, subject: str,
        tenant_id: UUID | None = None, store_id: UUID | None = None, nonce: str | None = None,
        session_id: str | None = None, permissions: Iterable[str] = (),
        store_ids: Iterable[UUID] = (), step_up_until: datetime | None = None,
        acting_id: UUID | None = None, name: str = "",
    ) -> str:  # fmt: skip
        """A token for one audience; a token with a nonce is for one request only."""
        facts = {
            "aud": audience,
            "knd": kind,
            "sub": subject,
            "tid": str(tenant_id) if tenant_id else None,
            "sto": str(store_id) if store_id else None,
            "sid": session_id,
            "prm": " ".join(sorted(permissions)) or None,
            "sts": " ".join(sorted(str(store_id) for store_id in store_ids)) or None,
            "stu": str(int(step_up_until.timestamp())) if step_up_until else None,
            "act": str(acting_id) if acting_id else None,
            "nam": name or None,
        }
        if nonce is not None:
            return self._sign({**facts, "non": nonce})
        slot = tuple(facts.values())
        known = self._reusable.get(slot)
        now = self.clock.monotonic()
        if known is not None and now < known[1]:
            return known[0]
        token = self._sign(facts)
        if len(self._reusable) >= CACHE_MAX:
            self._reusable.clear()
        self._reusable[slot] = (token, now + REUSE_S)
        return token

    def _sign(self, facts: dict[str, str | None]) -> str:
        issued_at = int(self.clock.now().timestamp())
        claims: dict[str, Any] = {name: value for name, value in facts.items() if value}
        claims.update(iss=self.issuer, iat=issued_at, exp=issued_at + LIFETIME_S)
        return jwt.encode(claims, self._key, algorithm="EdDSA")


class TokenVerifier:
    """Accepts tokens of known issuers for this audience."""

    def __init__(self, audience: str, trust: dict[str, bytes], clock: Clock) -> None:
        self.audience = audience
        self._keys = {
            issuer: Ed25519PublicKey.from_public_bytes(raw) for issuer, raw in trust.items()
        }
        self.clock = clock
        self._seen: dict[str, tuple[Principal, int]] = {}

    @classmethod
    def from_file(cls, audience: str, path: Path, clock: Clock) -> Self:
        """`path` holds JSON: {"issuer": "base64 of the raw public key"}. Names with a colon belong
        to `shared.contracts.events.macs`."""
        read = json.loads(path.read_text()).items()
        trust = {name: base64.b64decode(raw) for name, raw in read if ":" not in name}
        return cls(audience, trust, clock)

    def verify(self, token: str) -> Principal:
        """The caller. Raises Unauthorized, with a reason that helps operators and not forgers, and
        Forbidden for a valid token whose issuer may not send it here."""
        now = int(self.clock.now().timestamp())
        known = self._seen.get(token)
        if known is not None and now <= known[1]:
            return known[0]
        claims = self._claims(token, now)
        try:
            found = Principal(
                kind=claims["knd"], issuer=claims["iss"], subject=claims["sub"],
                tenant_id=UUID(claims["tid"]) if "tid" in claims else None,
                store_id=UUID(claims["sto"]) if "sto" in claims else None,
                nonce=claims.get("non"), session_id=claims.get("sid"), name=claims.get("nam", ""),
                permissions=frozenset(claims.get("prm", "").split()),
                store_ids=frozenset(UUID(text) for text in claims.get("sts", "").split()),
                step_up_until=_from_epoch(claims.get("stu")),
                acting_id=UUID(claims["act"]) if "act" in claims else None,
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise Unauthorized("the service token is incomplete") from error
        if found.kind == "service" and found.subject != found.issuer:
            raise Forbidden("a service speaks as itself only")
        if found.nonce is None:
            if len(self._seen) >= CACHE_MAX:
                self._seen.clear()
            self._seen[token] = (found, claims["exp"])
        return found

    def _claims(self, token: str, now: int) -> dict[str, Any]:
        if len(token) > TOKEN_MAX or not token.isascii():
            raise Unauthorized("this is no service token")
        try:
            key = self._keys.get(_claimed_issuer(token))
            if key is None:
                raise Unauthorized("unknown issuer of the service token")
            # The clock is injected, so the time claims are checked below.
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=["EdDSA"], audience=self.audience, options=_OPTIONS
            )
        except (jwt.PyJWTError, RecursionError, TypeError, ValueError) as error:
            raise Unauthorized("the service token does not verify") from error
        if not may_speak(claims["iss"], claims.get("knd"), self.audience):
            raise Forbidden("this issuer may not speak as that here")
        if any(type(claims.get(name, "")) is not str for name in _TEXTS):
            raise Unauthorized("the service token has odd claims")
        issued_at, expires_at = claims["iat"], claims["exp"]
        if type(issued_at) is not int or type(expires_at) is not int:
            raise Unauthorized("the service token has no usable times")
        if expires_at - issued_at > LIFETIME_S or issued_at > now + SKEW_S:
            raise Unauthorized("the service token lives too long")
        if now > expires_at:
            raise Unauthorized("the service token has expired")
        return claims


def _from_epoch(seconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds is not None else None


def _claimed_issuer(token: str) -> str:
    """The issuer whose key to try; it is not trusted before the signature is verified."""
    try:
        payload = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"])
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        return ""
