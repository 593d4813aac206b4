"""Proof of an event's producer: one MAC per event and consumer.

A producer and a consumer have a secret that no third process has (`shared.contracts.pairs`). So a
consumer of payment's events cannot forge one for another consumer, and other processes cannot forge
any (docs/adr/0017 compares this with signatures). The MAC stands in a Kafka header and covers
topic, key and the whole document, and so also type, id and tenant.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from shared.contracts.events.base import Event, decode
from shared.contracts.pairs import PairKeys, mac

CONSUMERS: Mapping[str, tuple[str, ...]] = {
    "binding": ("campaign", "device", "order", "payment", "gateway-edge", "gateway-egress"),
    "campaign": ("binding",),
    "device": ("binding", "gateway-edge"),
    "payment": ("binding", "campaign", "order"),
}
"""owner of a topic -> its consumers. The topic `payment.events` belongs to payment alone."""

Headers = Sequence[tuple[str, bytes]]


class Unproven(ValueError):
    """The event has no valid MAC of the topic's owner for this process; it is not applied."""


class EventKeys:
    """One process's keys: MACs for the events that it publishes, checks of those it consumes."""

    def __init__(self, keys: PairKeys) -> None:
        """The newest key makes MACs, all of them check MACs."""
        self.name = keys.name
        self._outgoing = [
            (f"mac-{consumer}", *pair)
            for consumer in CONSUMERS.get(self.name, ())
            for pair in keys.secrets("event mac", self.name, consumer)
        ]
        self._incoming = {
            (producer, kid): secret
            for producer, consumers in CONSUMERS.items()
            if self.name in consumers
            for kid, secret in keys.secrets("event mac", producer, self.name)
        }

    @classmethod
    def from_files(cls, name: str, key_file: Path, trust_file: Path) -> Self:
        return cls(PairKeys.from_files(name, key_file, trust_file))

    def marks(self, topic: str, key: bytes, value: bytes) -> list[tuple[str, bytes]]:
        """The MAC headers of an event that we publish, one for each consumer's key."""
        if topic.partition(".")[0] != self.name:
            raise ValueError(f"{self.name} does not speak on {topic}")
        covered = _covered(topic, key, value)
        return [
            (header, kid + b":" + mac(secret, covered)) for header, kid, secret in self._outgoing
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
            kid, _, proof = (mark or b"").partition(b":")
            secret = self._incoming.get((producer, kid)) if header == own_header else None
            if secret is not None:
                return hmac.compare_digest(
                    proof, mac(secret, _covered(topic, key or b"", value or b""))
                )
        return False

    def read(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Event:
        """The event, once it is proven; Unproven, or what `decode` raises."""
        if not self.proves(topic, key, value, headers):
            raise Unproven(topic)
        return decode(value or b"")


def _covered(topic: str, key: bytes, value: bytes) -> bytes:
    """The bytes under the MAC; lengths first, so that two different records never give the same."""
    return b"%d|%d|" % (len(topic), len(key)) + topic.encode() + key + value
