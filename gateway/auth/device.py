"""Authenticates devices: HMAC-SHA256 over the whole request with the device's own key.

The checks and their order are in `signatures`. For a request that changes something, the service
that applies it rejects replays: the nonce is passed on in the token (architecture §5). A read is
answered once by each edge process. Its nonce is stored only after the rate limit, so that a single
device cannot displace the nonces of others.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from gateway.auth.signatures import ClockSkewed, Signatures
from gateway.cache import LookupCache
from gateway.limits import (
    CREDENTIALS_FRESH_S,
    CREDENTIALS_KEPT,
    CREDENTIALS_STALE_S,
    Buckets,
    Strangers,
)
from gateway.reports.usage import DeviceUse, LastUsed
from gateway.routing import SAFE_METHODS
from gateway.server.asgi import Request
from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.documents import CredentialOut
from shared.contracts.events import Event
from shared.contracts.events.device import DeviceEnrolled, DeviceMoved, DeviceRevoked
from shared.errors import BadGateway, Problem, Unauthorized, Unavailable
from shared.keys.sealed import KeyProvider, SealBroken, open_sealed
from shared.telemetry import get_logger

log = get_logger("auth.device")

KEY_BYTES = 32
_DEVICE_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY_ID = re.compile(rb"[0-9A-Za-z_-]{1,64}")


class DeviceSignatureInvalid(Unauthorized):
    """Unknown device, wrong key or wrong signature: the same response for all three."""

    code = "auth.device_signature"
    title = "设备签名不正确 The device's signature does not verify."


@dataclass(frozen=True, slots=True)
class Credential:
    """An active device and the key it signs with."""

    device_id: str
    tenant_id: UUID
    store_id: UUID
    key_id: str
    key: bytes
    use: DeviceUse
    """what is recorded of each request; made once, not per request"""


class DeviceAuth:
    """Authenticates a device and returns its nonce."""

    def __init__(
        self,
        device: ServiceClient,
        clock: Clock,
        provider: KeyProvider,
        strangers: Strangers,
        rate: Buckets,
        seen: LastUsed[DeviceUse],
    ) -> None:
        self._device = device
        self._clock = clock
        self._provider = provider
        self._strangers = strangers
        self._rate = rate
        self._signatures = Signatures(clock, _KEY_ID, DeviceSignatureInvalid, ClockSkewed)
        self._last_seen = seen
        self._credentials: LookupCache[str, Credential] = LookupCache(
            "credentials", self._load, clock, kept=CREDENTIALS_KEPT,
            fresh_s=CREDENTIALS_FRESH_S, stale_s=CREDENTIALS_STALE_S,
        )  # fmt: skip

    async def check(self, request: Request) -> tuple[Credential, str]:
        """The device and the nonce of this request. Raises a 401 with the server's time, or
        TooMany."""
        device_id = request.headers.get(b"x-df-device", b"")
        if not _DEVICE_ID.fullmatch(device_id):
            raise self._signatures.incomplete()
        claim = self._signatures.read_claim(request.headers)
        name = device_id.decode()
        credential = await self._credential(name, claim.key_id, request.client)
        key = credential.key if credential is not None else bytes(KEY_BYTES)
        is_same = self._signatures.matches(request, claim, (name, claim.key_id), key)
        if credential is None or not is_same or claim.key_id != credential.key_id:
            if credential is not None:
                self._strangers.charge(request.client)
            raise self._signatures.refusal()
        self._signatures.require_in_window(claim)
        self._rate.take(name)
        if request.method in SAFE_METHODS:
            self._signatures.require_unseen(name, claim)
        self._last_seen.note(credential.use)
        return credential, claim.nonce

    async def _credential(self, name: str, key_id: str, client: str) -> Credential | None:
        """The credential. Only a device that is unknown, or unknown with this key, needs a look-up
        and is counted as a stranger."""
        if self._credentials.is_familiar(name):
            known = await self._credentials.get(name)
        else:
            async with self._strangers.lookup(client):
                known = await self._credentials.get(name)
        if known is None or known.key_id == key_id:
            return known
        # It may have been enrolled again a moment ago, with its event still on the way. During the
        # look-up the known key stays valid for others.
        async with self._strangers.lookup(client):
            return await self._credentials.refreshed(name)

    def on_event(self, event: Event) -> None:
        if isinstance(event, DeviceRevoked | DeviceEnrolled | DeviceMoved):
            self._credentials.drop(str(event.device_id))

    def on_gap(self) -> None:
        self._credentials.expire_all()

    async def _load(self, device_id: str) -> Credential | None:
        try:
            found = await self._device.call_ok("GET", f"/internal/devices/{device_id}/credential")
        except Problem as error:
            if error.status == 404:
                return None
            raise
        try:
            document = CredentialOut.model_validate(found)
            return self._credential_of(document) if document.status == "active" else None
        except ValueError as error:
            log.exception("device.unreadable")
            raise BadGateway(
                "the device service answered a credential that does not read"
            ) from error
        except SealBroken as error:
            log.exception("device.seal_broken")
            raise Unavailable("a device key does not open here") from error

    def _credential_of(self, found: CredentialOut) -> Credential:
        if not found.key_aad.startswith(f"{found.tenant_id}|{found.device_id}|"):
            raise SealBroken("the box belongs to another row")
        key = open_sealed(self._provider, found.key_box, found.key_aad)
        if len(key) != KEY_BYTES:
            raise ValueError("a device key has 32 bytes")
        device_id = str(found.device_id)
        return Credential(
            device_id=device_id,
            tenant_id=found.tenant_id,
            store_id=found.store_id,
            key_id=found.key_id,
            key=key,
            use=DeviceUse(found.tenant_id, device_id),
        )
