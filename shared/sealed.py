"""Secrets at rest: AES-256-GCM under a data key, which a key provider wraps.

A box is bound to its row by the associated data (tenant | owner | purpose | version), so a
ciphertext copied to another row does not open. Rotating the key-encryption key re-wraps data keys
only. The provider is a local file today; PKCS#11 or Vault stand behind the same three members.
"""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
_WRAP_AAD = b"damselfly data key v1"


class SealBroken(Exception):
    """The box does not open: wrong row, wrong key, or tampered. Says nothing of the content."""


class KeyProvider(Protocol):
    """Wraps data keys; the key-encryption key itself never leaves it."""

    @property
    def kek_id(self) -> str: ...

    def wrap(self, data_key: bytes) -> bytes: ...

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes: ...


class LocalKeyProvider:
    """The key-encryption key in a file of 32 random bytes in base64, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        key = base64.b64decode(path.read_text().strip(), validate=True)
        if len(key) != KEY_BYTES:
            raise ValueError("the key file must hold 32 bytes in base64")
        self._cipher = AESGCM(key)
        # Names the key without helping to guess it: eight bytes of a one-way digest.
        self._kek_id = "local:" + hashlib.sha256(b"damselfly kek id" + key).hexdigest()[:16]

    @property
    def kek_id(self) -> str:
        return self._kek_id

    def wrap(self, data_key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, _WRAP_AAD)

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        if kek_id != self._kek_id:
            raise SealBroken("sealed under another key-encryption key")
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _WRAP_AAD)
        except InvalidTag:
            raise SealBroken("the data key does not unwrap") from None


def new_data_key(provider: KeyProvider) -> tuple[bytes, bytes]:
    """A fresh data key, in clear and wrapped; store only the wrapped one."""
    data_key = os.urandom(KEY_BYTES)
    return data_key, provider.wrap(data_key)


def seal(provider: KeyProvider, wrapped: bytes, plaintext: bytes, aad: str) -> str:
    """A self-contained box (JSON text): whoever holds the provider can open it, nobody else."""
    data_key = provider.unwrap(provider.kek_id, wrapped)
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(data_key).encrypt(nonce, plaintext, aad.encode())
    parts = {"dek": wrapped, "nonce": nonce, "ct": sealed}
    box = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"v": 1, "kek": provider.kek_id, **box}, separators=(",", ":"))


def open_sealed(provider: KeyProvider, box: str, aad: str) -> bytes:
    """The plaintext; SealBroken when anything about the box or its row is off."""
    try:
        parts: dict[str, Any] = json.loads(box)
        wrapped, nonce, sealed = (base64.b64decode(parts[n]) for n in ("dek", "nonce", "ct"))
        data_key = provider.unwrap(parts["kek"], wrapped)
        return AESGCM(data_key).decrypt(nonce, sealed, aad.encode())
    except (InvalidTag, KeyError, ValueError, TypeError):
        raise SealBroken("the sealed box does not open here") from None
