"""Devices: HMAC-SHA256 over the whole request with a key of the device's own.

Order of the checks: size cap (done by the reader), key look-up, constant-time MAC, time window,
the device's own rate. Replay of what changes something is decided where it changes it: the nonce
goes inward in the token (architecture §5). A read is answered once by each edge process; its nonce
is remembered behind the rate, so that one device alone cannot crowd out the nonces of the others.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.cache import Remembered
from gateway.limits import (
    CLOCK_WINDOW_S,
    CREDENTIALS_FRESH_S,
    CREDENTIALS_KEPT,
    CREDENTIALS_STALE_S,
    Buckets,
    Strangers,
)
from gateway.replays import Seen
from gateway.reports.usage import DeviceUse, LastUsed
from gateway.routing import SAFE_METHODS
from gateway.server.asgi import Asked
from shared.client import ServiceClient
from shared.clock import Clock
from shared.errors import BadGateway, Problem, Unauthorized, Unavailable
from shared.events import Event
from shared.events.device import DeviceEnrolled, DeviceMoved, DeviceRevoked
from shared.sealed import KeyProvider, SealBroken, open_sealed
from shared.telemetry import get_logger

log = get_logger("auth.device")

KEY_BYTES = 32
_DEVICE_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY_ID = re.compile(rb"[0-9A-Za-z_-]{1,64}")
TIMESTAMP = re.compile(rb"[1-9][0-9]{8,11}")
NONCE = re.compile(rb"[0-9a-fA-F]{32}")
SIGNATURE = re.compile(rb"[0-9a-fA-F]{64}")


class DeviceSignatureInvalid(Unauthorized):
    """Unknown device, wrong key or wrong signature: one answer for all three."""

    code = "auth.device_signature"
    title = "设备签名不正确 The device's signature does not verify."


class ReadReplayed(Unauthorized):
    """This signed read was answered already: each request is signed anew."""

    code = "auth.read_replayed"
    title = "请求已使用过，请重新签名 This signed request has been used; sign a new one."


class DeviceClockSkewed(Unauthorized):
    """Signed correctly, but too long ago or ahead; `server_time` lets the device correct itself."""

    code = "auth.clock_skew"
    title = "设备时间偏差过大 The device's clock is off."


@dataclass(frozen=True, slots=True)
class Credential:
    """A device that may speak, and the key it speaks with."""

    device_id: str
    tenant_id: UUID
    store_id: UUID
    key_id: str
    key: bytes
    use: DeviceUse
    """what is noted of each request: made once, not per request"""


def signed_text(
    method: str,
    path: str,
    query: str,
    timestamp: str,
    nonce: str,
    device_id: str,
    key_id: str,
    body: bytes,
) -> bytes:
    """What a device signs. Query pairs are sorted as they were sent, never decoded."""
    if "&" in query:
        query = "&".join(sorted(query.split("&")))
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((method, path, query, timestamp, nonce, device_id, key_id, digest)).encode()


class DeviceAuth:
    """Believes a device, and tells its nonce."""

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
        self._reads = Seen(clock)
        self._last_seen = seen
        self._credentials: Remembered[str, Credential] = Remembered(
            "credentials", self._load, clock, kept=CREDENTIALS_KEPT,
            fresh_s=CREDENTIALS_FRESH_S, stale_s=CREDENTIALS_STALE_S,
        )  # fmt: skip

    async def check(self, asked: Asked) -> tuple[Credential, str]:
        """The device and the nonce of this request, a 401 with the server's time, or TooMany."""
        headers = asked.headers
        device_id = headers.get(b"x-df-device", b"")
        key_id = headers.get(b"x-df-key", b"")
        timestamp = headers.get(b"x-df-timestamp", b"")
        nonce = headers.get(b"x-df-nonce", b"")
        signature = headers.get(b"x-df-signature", b"")
        if not (
            _DEVICE_ID.fullmatch(device_id)
            and _KEY_ID.fullmatch(key_id)
            and TIMESTAMP.fullmatch(timestamp)
            and NONCE.fullmatch(nonce)
            and SIGNATURE.fullmatch(signature)
        ):
            raise self._refusal(DeviceSignatureInvalid, "the X-DF-* headers are incomplete")
        name = device_id.decode()
        credential = await self._credential(name, key_id, asked.client)
        sent = (asked.path, asked.query, timestamp.decode(), nonce.decode(), name, key_id.decode())
        text = signed_text(asked.method, *sent, asked.body)
        key = credential.key if credential is not None else bytes(KEY_BYTES)
        expected = hmac.digest(key, text, "sha256")
        is_same = hmac.compare_digest(expected, bytes.fromhex(signature.decode()))
        if credential is None or not is_same or sent[-1] != credential.key_id:
            if credential is not None:
                self._strangers.charge(asked.client)
            raise self._refusal(DeviceSignatureInvalid)
        if abs(self._clock.now().timestamp() - int(timestamp)) > CLOCK_WINDOW_S:
            raise self._refusal(DeviceClockSkewed)
        self._rate.take(name)
        if asked.method in SAFE_METHODS and not self._reads.is_new(name, sent[3]):
            raise self._refusal(ReadReplayed)
        self._last_seen.note(credential.use)
        return credential, sent[3]

    async def _credential(self, name: str, key_id: bytes, client: str) -> Credential | None:
        """Only those who are not known yet, or not by this key, cost a look-up: only they count."""
        if self._credentials.is_familiar(name):
            known = await self._credentials.get(name)
        else:
            async with self._strangers.asking(client):
                known = await self._credentials.get(name)
        if known is None or known.key_id.encode() == key_id:
            return known
        # Enrolled again a moment ago, perhaps: its event may still be on the way. Until the answer
        # is here, the key that is known goes on serving whoever holds it.
        async with self._strangers.asking(client):
            return await self._credentials.refreshed(name)

    def on_event(self, event: Event) -> None:
        if isinstance(event, DeviceRevoked | DeviceEnrolled | DeviceMoved):
            self._credentials.drop(str(event.device_id))

    def on_gap(self) -> None:
        self._credentials.expire_all()

    def _refusal(self, kind: type[Unauthorized], detail: str = "") -> Unauthorized:
        return kind(detail, server_time=int(self._clock.now().timestamp()))

    async def _load(self, device_id: str) -> Credential | None:
        try:
            found = await self._device.call_ok("GET", f"/internal/devices/{device_id}/credential")
        except Problem as error:
            if error.status == 404:
                return None
            raise
        try:
            return self._read(found) if found["status"] == "active" else None
        except (KeyError, ValueError, TypeError) as error:
            log.exception("device.unreadable")
            raise BadGateway(
                "the device service answered a credential that does not read"
            ) from error
        except SealBroken as error:
            log.exception("device.seal_broken")
            raise Unavailable("a device key does not open here") from error

    def _read(self, found: dict[str, Any]) -> Credential:
        aad = str(found["key_aad"])
        if not aad.startswith(f"{found['tenant_id']}|{found['device_id']}|"):
            raise SealBroken("the box belongs to another row")
        key = open_sealed(self._provider, found["key_box"], aad)
        if len(key) != KEY_BYTES:
            raise ValueError("a device key has 32 bytes")
        device_id, tenant_id = str(found["device_id"]), UUID(found["tenant_id"])
        return Credential(
            device_id=device_id,
            tenant_id=tenant_id,
            store_id=UUID(found["store_id"]),
            key_id=str(found["key_id"]),
            key=key,
            use=DeviceUse(tenant_id, device_id),
        )
