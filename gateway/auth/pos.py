"""Authenticates merchants' programs (POS, ERP): HMAC-SHA256 with an API key's secret.

The checks and their order are those of devices (`signatures`); the secret itself is never sent. A
key is cached for API_KEYS_FRESH_S, and a revoked one is dropped by its event at once. While binding
is away, an expired entry is not used. Each edge process accepts a signed request only once.
"""

import re
from dataclasses import dataclass, field
from uuid import UUID

from gateway.auth.signatures import ClockSkewed, Signatures
from gateway.cache import LookupCache
from gateway.limits import (
    API_KEYS_FRESH_S,
    API_KEYS_KEPT,
    Buckets,
    Strangers,
)
from gateway.reports.usage import ApiKeyUse, LastUsed
from gateway.server.asgi import Request
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.documents import SealedApiKeyOut
from shared.contracts.events import Event
from shared.contracts.events.binding import ApiKeyRevoked, MerchantSuspended
from shared.errors import BadGateway, Problem, Unauthorized, Unavailable
from shared.keys.sealed import KeyProvider, SealBroken, open_sealed
from shared.telemetry import get_logger

log = get_logger("auth.pos")

_KEY_ID = re.compile(rb"dk_[0-9A-Za-z_-]{1,61}")
_NO_SECRET = b"the secret of nobody, to compare with all the same"


class ApiKeyRefused(Unauthorized):
    """Unknown or revoked key, wrong secret or wrong signature: the same response for all."""

    code = "auth.api_key"
    title = "API 密钥无效或签名不正确 The API key is not valid, or the signature does not verify."


class PosClockSkewed(ClockSkewed):
    """Signed correctly, but too long ago or too far ahead; `server_time` is our time."""

    title = "系统时间偏差过大 The calling system's clock is off."


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A valid key and its permissions."""

    key_id: str
    tenant_id: UUID
    store_id: UUID | None
    """the only store whose data it may read; None: all stores"""
    permissions: frozenset[str]
    secret: bytes = field(repr=False)


class PosAuth:
    """Authenticates a program that holds an API key."""

    def __init__(
        self,
        binding: ServiceClient,
        clock: Clock,
        provider: KeyProvider,
        strangers: Strangers,
        rate: Buckets,
        used: LastUsed[ApiKeyUse],
    ) -> None:
        self._binding = binding
        self._clock = clock
        self._provider = provider
        self._strangers = strangers
        self._rate = rate
        self._signatures = Signatures(clock, _KEY_ID, ApiKeyRefused, PosClockSkewed)
        self._used = used
        self._keys: LookupCache[str, ApiKey] = LookupCache(
            "api_keys", self._load, clock, kept=API_KEYS_KEPT, fresh_s=API_KEYS_FRESH_S
        )

    async def check(self, request: Request) -> ApiKey:
        """The key behind this request. Raises a 401 with the server's time, or TooMany."""
        claim = self._signatures.read_claim(request.headers)
        name = claim.key_id
        if self._keys.is_familiar(name):
            key = await self._keys.get(name)
        else:
            # Only an unknown key needs a look-up, so only that is counted.
            async with self._strangers.lookup(request.client):
                key = await self._keys.get(name)
        secret = key.secret if key is not None else _NO_SECRET
        is_same = self._signatures.matches(request, claim, (name,), secret)
        if key is None or not is_same:
            self._strangers.charge(request.client)
            raise self._signatures.refusal()
        self._signatures.require_in_window(claim)
        self._rate.take(name)
        self._signatures.require_unseen(name, claim)
        self._used.note(ApiKeyUse(key.tenant_id, key.key_id))
        return key

    def on_event(self, event: Event) -> None:
        if isinstance(event, ApiKeyRevoked):
            self._keys.drop(event.key_id)
        elif isinstance(event, MerchantSuspended):
            self._keys.drop_where(lambda key: key.tenant_id == event.tenant_id)

    def on_gap(self) -> None:
        self._keys.expire_all()

    async def _load(self, key_id: str) -> ApiKey | None:
        try:
            found = await self._binding.call_ok("GET", f"/internal/api-keys/{key_id}")
        except Problem as error:
            if error.status == 404:
                return None
            raise
        try:
            return self._api_key_of(key_id, SealedApiKeyOut.model_validate(found))
        except ValueError as error:
            log.exception("api_key.unreadable")
            raise BadGateway("binding answered an API key that does not read") from error
        except SealBroken as error:
            log.exception("api_key.seal_broken")
            raise Unavailable("the secret of an API key does not open here") from error

    def _api_key_of(self, key_id: str, found: SealedApiKeyOut) -> ApiKey:
        aad = found.secret_aad
        if found.key_id != key_id or not aad.startswith(f"{found.tenant_id}|{key_id}|"):
            raise SealBroken("the box belongs to another row")
        return ApiKey(
            key_id=key_id,
            tenant_id=found.tenant_id,
            store_id=found.store_id,
            permissions=frozenset(found.permissions),
            secret=open_sealed(self._provider, found.secret_box, aad),
        )
