"""Checks of requests signed with HMAC-SHA256, shared by devices and merchants' programs.

Order of the checks: size limit (in `read_body`), key look-up, constant-time MAC, time window, the
caller's rate, and for a request that may be used only once, its nonce. `device` and `pos` identify
the caller and look up its key.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

from gateway.auth.replays import SeenNonces
from gateway.server.asgi import Request
from shared.clock import Clock
from shared.contracts.signatures import CLOCK_WINDOW_S
from shared.errors import Unauthorized

_TIMESTAMP = re.compile(rb"[1-9][0-9]{8,11}")
_NONCE = re.compile(rb"[0-9a-fA-F]{32}")
_SIGNATURE = re.compile(rb"[0-9a-fA-F]{64}")


class ReadReplayed(Unauthorized):
    """This signed request was answered already; every request needs a new signature."""

    code = "auth.read_replayed"
    title = "请求已使用过，请重新签名 This signed request has been used; sign a new one."


class ClockSkewed(Unauthorized):
    """Signed correctly, but too long ago or too far ahead; `server_time` lets the caller correct
    its clock."""

    code = "auth.clock_skew"
    title = "设备时间偏差过大 The device's clock is off."


class SignatureClaim(NamedTuple):
    """The X-DF-* headers of a request: well-formed, not yet verified."""

    key_id: str
    timestamp: str
    nonce: str
    mac: bytes


def signed_text(
    method: str,
    path: str,
    query: str,
    timestamp: str,
    nonce: str,
    caller: tuple[str, ...],
    body: bytes,
) -> bytes:
    """The text that a caller signs; `caller` is its device and key, or its key alone. Query pairs
    are sorted as sent, never decoded."""
    if "&" in query:
        query = "&".join(sorted(query.split("&")))
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((method, path, query, timestamp, nonce, *caller, digest)).encode()


class Signatures:
    """The checks for one kind of caller; every refusal is a 401 with the server's time."""

    def __init__(
        self,
        clock: Clock,
        key_id: re.Pattern[bytes],
        refused: type[Unauthorized],
        skewed: type[ClockSkewed],
    ) -> None:
        self._clock = clock
        self._key_id = key_id
        self._refused = refused
        self._skewed = skewed
        self._nonces = SeenNonces(clock)

    def read_claim(self, headers: dict[bytes, bytes]) -> SignatureClaim:
        """The claim in the headers. Raises the refusal when one is missing or malformed."""
        key_id = headers.get(b"x-df-key", b"")
        timestamp = headers.get(b"x-df-timestamp", b"")
        nonce = headers.get(b"x-df-nonce", b"")
        signature = headers.get(b"x-df-signature", b"")
        if not (
            self._key_id.fullmatch(key_id)
            and _TIMESTAMP.fullmatch(timestamp)
            and _NONCE.fullmatch(nonce)
            and _SIGNATURE.fullmatch(signature)
        ):
            raise self.incomplete()
        mac = bytes.fromhex(signature.decode())
        return SignatureClaim(key_id.decode(), timestamp.decode(), nonce.decode(), mac)

    def matches(
        self, request: Request, claim: SignatureClaim, caller: tuple[str, ...], key: bytes
    ) -> bool:
        """Whether the MAC matches this key and request, compared in constant time."""
        text = signed_text(
            request.method,
            request.path,
            request.query,
            claim.timestamp,
            claim.nonce,
            caller,
            request.body,
        )
        return hmac.compare_digest(hmac.digest(key, text, "sha256"), claim.mac)

    def require_in_window(self, claim: SignatureClaim) -> None:
        """Raises the refusal when it was signed too long ago or too far ahead."""
        if abs(self._clock.now().timestamp() - int(claim.timestamp)) > CLOCK_WINDOW_S:
            raise self._with_server_time(self._skewed)

    def require_unseen(self, name: str, claim: SignatureClaim) -> None:
        """Raises the refusal when this caller's nonce was used here before; records it."""
        if not self._nonces.is_new(name, claim.nonce):
            raise self._with_server_time(ReadReplayed)

    def refusal(self, detail: str = "") -> Unauthorized:
        """Unknown caller, wrong key or wrong signature: the same response for all three."""
        return self._with_server_time(self._refused, detail)

    def incomplete(self) -> Unauthorized:
        return self.refusal("the X-DF-* headers are incomplete")

    def _with_server_time(self, kind: type[Unauthorized], detail: str = "") -> Unauthorized:
        return kind(detail, server_time=int(self._clock.now().timestamp()))
