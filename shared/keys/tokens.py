"""Service tokens: the caller of an internal request, under a MAC, for at most a minute.

Issuer and audience have a secret that no third process has (`shared.contracts.pairs`): an audience
could forge only what it alone would believe (docs/adr/0030). A token is text of four parts:

    version.key id.payload.MAC      (payload: JSON in base64url)

The MAC covers all that stands before it. Nothing in a token chooses an algorithm, and the payload
is read after the MAC was found right. It names issuer and audience again (ASVS 9.1.2 and 9.2.3).
"""

import base64
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import orjson

from shared.clock import Clock
from shared.config import BaseConfig
from shared.contracts.pairs import PairKeys, mac
from shared.contracts.principal import Kind, Principal
from shared.contracts.speakers import EGRESS, may_speak
from shared.errors import Forbidden, Unauthorized

LIFETIME_S = 60
REUSE_S = 40
"""A token without a nonce is reused for so long; the rest of its life covers any call."""
SKEW_S = 5
CACHE_MAX = 512
TOKEN_MAX = 16 * 1024
"""A person who is bound to a hundred stores has a token of some 6 KB."""
VERSION = b"1"
PURPOSE = "token"
_PROCESSES = {"egress": EGRESS}
"""audience -> the process that has its key, where the names differ"""
_TEXTS = ("sub", "tid", "sto", "non", "sid", "prm", "sts", "stu", "act", "nam")


def _keys_of(name: str, config: BaseConfig) -> PairKeys:
    files = config.service_key_file, config.service_trust_file
    return PairKeys.from_files(_PROCESSES.get(name, name), *files)


class TokenSigner:
    """Issues tokens as the process whose keys it has."""

    def __init__(self, keys: PairKeys, clock: Clock) -> None:
        self.issuer = keys.name
        self.clock = clock
        self._keys = keys
        self._pairs: dict[str, tuple[bytes, bytes]] = {}
        self._reusable: dict[tuple[Any, ...], tuple[str, float]] = {}

    @classmethod
    def from_config(cls, issuer: str, config: BaseConfig, clock: Clock) -> Self:
        return cls(_keys_of(issuer, config), clock)

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
            return self._made({**facts, "non": nonce}, audience)
        slot = tuple(facts.values())
        known = self._reusable.get(slot)
        now = self.clock.monotonic()
        if known is not None and now < known[1]:
            return known[0]
        token = self._made(facts, audience)
        if len(self._reusable) >= CACHE_MAX:
            self._reusable.clear()
        self._reusable[slot] = (token, now + REUSE_S)
        return token

    def _made(self, facts: dict[str, str | None], audience: str) -> str:
        issued_at = int(self.clock.now().timestamp())
        claims: dict[str, Any] = {name: value for name, value in facts.items() if value}
        claims.update(iss=self.issuer, iat=issued_at, exp=issued_at + LIFETIME_S)
        kid, secret = self._pair(audience)
        payload = base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=")
        covered = b".".join((VERSION, kid, payload))
        return (covered + b"." + mac(secret, covered)).decode()

    def _pair(self, audience: str) -> tuple[bytes, bytes]:
        """(id, secret), with the audience's oldest key: while keys change, the newer one may not
        have reached all of its processes, but the older one is still with all of them."""
        if audience not in self._pairs:
            receiver = _PROCESSES.get(audience, audience)
            pairs = [*self._keys.secrets(PURPOSE, self.issuer, receiver)]
            if not pairs:
                raise ValueError(f"the trust file has no key of {receiver}")
            self._pairs[audience] = pairs[-1]
        return self._pairs[audience]


class TokenVerifier:
    """Accepts tokens of the other processes for this audience."""

    def __init__(self, audience: str, keys: PairKeys, clock: Clock) -> None:
        self.audience = audience
        self._keys = {
            kid: (issuer, secret)
            for issuer in keys.others
            for kid, secret in keys.secrets(PURPOSE, issuer, keys.name)
            if issuer != keys.name
        }
        self.clock = clock
        self._seen: dict[str, tuple[Principal, int]] = {}

    @classmethod
    def from_config(cls, audience: str, config: BaseConfig, clock: Clock) -> Self:
        return cls(audience, _keys_of(audience, config), clock)

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
        issuer, claims = self._opened(token)
        if claims.get("iss") != issuer or claims.get("aud") != self.audience:
            raise Unauthorized("the service token is not of this issuer for this audience")
        if not may_speak(issuer, claims.get("knd"), self.audience):
            raise Forbidden("this issuer may not speak as that here")
        if any(type(claims.get(name, "")) is not str for name in _TEXTS):
            raise Unauthorized("the service token has odd claims")
        issued_at, expires_at = claims.get("iat"), claims.get("exp")
        if type(issued_at) is not int or type(expires_at) is not int:
            raise Unauthorized("the service token has no usable times")
        if expires_at - issued_at > LIFETIME_S or issued_at > now + SKEW_S:
            raise Unauthorized("the service token lives too long")
        if now > expires_at:
            raise Unauthorized("the service token has expired")
        return claims

    def _opened(self, token: str) -> tuple[str, dict[str, Any]]:
        """(issuer, claims) of a token with the MAC of a pair that this process belongs to."""
        if len(token) > TOKEN_MAX or not token.isascii():
            raise Unauthorized("this is no service token")
        covered, _, proof = token.encode().rpartition(b".")
        version, _, rest = covered.partition(b".")
        kid, _, payload = rest.partition(b".")
        issuer, secret = self._keys.get(kid, ("", b""))
        if version != VERSION or not issuer:
            raise Unauthorized("unknown issuer of the service token")
        if not hmac.compare_digest(proof, mac(secret, covered)):
            raise Unauthorized("the service token does not verify")
        try:
            claims = orjson.loads(base64.urlsafe_b64decode(payload + b"=="))
        except ValueError as error:
            raise Unauthorized("the service token has odd claims") from error
        if not isinstance(claims, dict):
            raise Unauthorized("the service token has odd claims")
        return issuer, claims


def _from_epoch(seconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds is not None else None
