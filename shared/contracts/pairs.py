"""Keys that exactly two of our processes have, for one purpose and one direction.

Each process has an X25519 key in its key file; the trust file has the public halves of all. From
its own key and the other's public one each of the two derives the same secret, and no third process
can. The secret for events differs from the one for tokens, and there and back have one each.
"""

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_END = "-----END PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class PairKeys:
    """One process's own keys, the newest first, and everybody's public keys."""

    name: str
    own: Sequence[X25519PrivateKey]
    others: Mapping[str, Sequence[X25519PublicKey]]

    @classmethod
    def from_files(cls, name: str, key_file: Path, trust_file: Path) -> Self:
        """The X25519 keys in the process's key file, and everybody's in the trust file, under
        "events:<name>": one, or a list while keys change. (Events had such keys before tokens.)"""
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
                raw = [b64decode(text) for text in texts]
                others[other] = [X25519PublicKey.from_public_bytes(key) for key in raw]
        return cls(name, own, others)

    def secrets(self, purpose: str, sender: str, receiver: str) -> Iterator[tuple[bytes, bytes]]:
        """(id, secret) of two processes, one of which is this one. As the sender we use our newest
        key, with each of the receiver's in the trust file's order; as the receiver all of ours."""
        is_ours = sender == self.name
        peers = self.others.get(receiver if is_ours else sender, ())
        for own, peer in product(self.own[:1] if is_ours else self.own, peers):
            ends = [own.public_key().public_bytes_raw(), peer.public_bytes_raw()]
            names = f"damselfly {purpose}|{sender}|{receiver}|".encode()
            info = names + b"".join(ends if is_ours else reversed(ends))
            kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info)
            kid = hashlib.sha256(info).hexdigest()[:12].encode()
            yield kid, kdf.derive(own.exchange(peer))


def mac(secret: bytes, covered: bytes) -> bytes:
    """The proof that a holder of the secret wrote these bytes, as hexadecimal text."""
    return hashlib.blake2b(covered, key=secret, digest_size=16).hexdigest().encode()
