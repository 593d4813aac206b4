"""Proof of an event's producer: one MAC per event and consumer.

Each process has an X25519 key beside its signing key. A producer and a consumer derive a secret
from each other's keys that no third process has. So a consumer of payment's events cannot forge one
for another consumer, and other processes cannot forge any (docs/adr/0017 compares this with
signatures). The MAC stands in a Kafka header and covers topic, key and the whole document, and so
also type, id and tenant.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.contracts.events.base import Event, decode

CONSUMERS: Mapping[str, tuple[str, ...]] = {
    "binding": ("campaign", "device", "order", "payment", "gateway-edge", "gateway-egress"),
    "campaign": ("binding",),
    "device": ("binding", "gateway-edge"),
    "payment": ("binding", "campaign", "order"),
}
"""owner of a topic -> its consumers. The topic `payment.events` belongs to payment alone."""
DIGEST_BYTES = 16
_END = "-----END PRIVATE KEY-----"

Headers = Sequence[tuple[str, bytes]]


class Unproven(ValueError):
    """The event has no valid MAC of the topic's owner for this process; it is not applied."""


class EventKeys:
    """One process's keys: MACs for the events that it publishes, checks of those it consumes."""

    def __init__(
        self,
        name: str,
        own: Sequence[X25519PrivateKey],
        others: Mapping[str, Sequence[X25519PublicKey]],
    ) -> None:
        """`own`: the newest key first. The newest makes MACs, all of them check MACs."""
        self.name = name
        identities = [(name, key.public_key().public_bytes_raw()) for key in own]
        self._outgoing = []
        for consumer in CONSUMERS.get(name, ()):
            for key in others.get(consumer, ()):
                peer = consumer, key.public_bytes_raw()
                pair = _pair(identities[0], peer, own[0].exchange(key))
                self._outgoing.append((f"mac-{consumer}", *pair))
        self._incoming = {}
        for producer, consumers in CONSUMERS.items():
            for key in others.get(producer, ()) if name in consumers else ():
                peer = producer, key.public_bytes_raw()
                for identity, private in zip(identities, own, strict=True):
                    kid, secret = _pair(peer, identity, private.exchange(key))
                    self._incoming[producer, kid] = secret

    @classmethod
    def from_files(cls, name: str, key_file: Path, trust_file: Path) -> Self:
        """The X25519 keys in the service's key file, and the others' in the trust file, under
        "events:<name>": one, or a list while keys change."""
        blocks = [block + _END for block in key_file.read_text().split(_END)[:-1]]
        keys = [serialization.load_pem_private_key(block.encode(), None) for block in blocks]
        own = [key for key in keys if isinstance(key, X25519PrivateKey)]
        if not own:
            raise ValueError(f"{key_file.name} holds no X25519 key")
        others = {}
        for name_there, encoded in json.loads(trust_file.read_text()).items():
            kind, _, other = name_there.partition(":")
            if kind == "events":
                texts = [encoded] if isinstance(encoded, str) else encoded
                raw = [base64.b64decode(text) for text in texts]
                others[other] = [X25519PublicKey.from_public_bytes(key) for key in raw]
        return cls(name, own, others)

    def marks(self, topic: str, key: bytes, value: bytes) -> list[tuple[str, bytes]]:
        """The MAC headers of an event that we publish, one for each consumer's key."""
        if topic.partition(".")[0] != self.name:
            raise ValueError(f"{self.name} does not speak on {topic}")
        covered = _covered(topic, key, value)
        return [
            (header, kid + b":" + _mac(secret, covered)) for header, kid, secret in self._outgoing
        ]

    def proves(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]],
    ) -> bool:
        """Whether a header holds the MAC of the topic's owner over exactly this record, for us."""
        producer, own_header = topic.partition(".")[0], f"mac-{self.name}"
        for header, mark in headers:
            kid, _, mac = (mark or b"").partition(b":")
            secret = self._incoming.get((producer, kid)) if header == own_header else None
            if secret is not None:
                return hmac.compare_digest(
                    mac, _mac(secret, _covered(topic, key or b"", value or b""))
                )
        return False

    def read(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Event:
        """The event, once it is proven; Unproven, or what `decode` raises."""
        if not self.proves(topic, key, value, headers):
            raise Unproven(topic)
        return decode(value or b"")


def _pair(
    producer: tuple[str, bytes], consumer: tuple[str, bytes], shared: bytes
) -> tuple[bytes, bytes]:
    """(id, secret) of a producer and a consumer; both sides derive the same."""
    names = f"damselfly event mac|{producer[0]}|{consumer[0]}|".encode()
    info = names + producer[1] + consumer[1]
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info)
    return hashlib.sha256(info).hexdigest()[:12].encode(), kdf.derive(shared)


def _covered(topic: str, key: bytes, value: bytes) -> bytes:
    """The bytes under the MAC; lengths first, so that two different records never give the same."""
    return b"%d|%d|" % (len(topic), len(key)) + topic.encode() + key + value


def _mac(secret: bytes, covered: bytes) -> bytes:
    return hashlib.blake2b(covered, key=secret, digest_size=DIGEST_BYTES).hexdigest().encode()
