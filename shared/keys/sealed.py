"""Secrets at rest: AES-256-GCM under a data key, which a key provider wraps.

A box is bound to its row by the associated data (tenant | owner | purpose | version), so a
ciphertext copied to another row does not open. Each purpose has a key-encryption key of its own,
with versions; rotating it re-wraps data keys only (`deploy.keys`). The provider is a local file
today; PKCS#11 or Vault stand behind the same three members.
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
BOX_VERSION = 1
_WRAP_AAD = b"damselfly data key v1"


class SealBroken(Exception):
    """The box does not open: wrong row, wrong key, or changed. Reveals nothing of the content."""


class KeyProvider(Protocol):
    """Wraps data keys; the key-encryption key itself never leaves it."""

    @property
    def kek_id(self) -> str: ...

    def wrap(self, data_key: bytes) -> bytes: ...

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes: ...


def key_versions(path: Path) -> dict[int, bytes]:
    """number -> key; ValueError if the file does not hold keys."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    versions = {
        int(line[0]) if line[1:] else 1: base64.b64decode(line[-1], validate=True) for line in lines
    }
    if not versions or any(len(key) != KEY_BYTES for key in versions.values()):
        raise ValueError("the key file must hold 32 bytes in base64")
    return versions


class LocalKeyProvider:
    """Key-encryption keys of one purpose, in a file readable by its owner only: a line per version,
    `number base64-of-32-bytes` (a key without number is version 1). The highest version wraps, all
    versions unwrap.

    The file is read again when it has changed, so that a new version needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0)
        self._look()

    def _look(self) -> None:
        found = self._path.stat()
        stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._stamp:
            return
        versions = key_versions(self._path)
        # An id that does not help to guess the key: eight bytes of a one-way digest.
        names = {
            number: "local:" + hashlib.sha256(b"damselfly kek id" + key).hexdigest()[:16]
            for number, key in versions.items()
        }
        self.version = max(versions)
        self._kek_id = names[self.version]
        self._ciphers = {names[number]: AESGCM(key) for number, key in versions.items()}
        self._stamp = stamp

    @property
    def kek_id(self) -> str:
        self._look()
        return self._kek_id

    def knows(self, kek_id: str) -> bool:
        self._look()
        return kek_id in self._ciphers

    def wrap(self, data_key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self._kek_id].encrypt(nonce, data_key, _WRAP_AAD)

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        if not self.knows(kek_id):
            raise SealBroken("sealed under another key-encryption key")
        try:
            cipher = self._ciphers[kek_id]
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _WRAP_AAD)
        except InvalidTag:
            raise SealBroken("the data key does not unwrap") from None


def new_data_key(provider: KeyProvider) -> tuple[str, bytes]:
    """A new data key: the id of the key that wraps it, and the wrapped data key."""
    return provider.kek_id, provider.wrap(os.urandom(KEY_BYTES))


def seal(
    provider: KeyProvider, wrapped: bytes, plaintext: bytes, aad: str, kek_id: str = ""
) -> str:
    """A self-contained box (JSON text) that only a holder of the provider's keys can open. `kek_id`
    names the key that wraps the data key, if that may not be the newest."""
    kek_id = kek_id or provider.kek_id
    data_key = provider.unwrap(kek_id, wrapped)
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(data_key).encrypt(nonce, plaintext, aad.encode())
    parts = {"dek": wrapped, "nonce": nonce, "ct": sealed}
    box = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"v": BOX_VERSION, "kek": kek_id, **box}, separators=(",", ":"))


def rewrapped(provider: KeyProvider, box: str) -> str:
    """The same box with its data key wrapped under the newest key; the content is unchanged."""
    parts: dict[str, Any] = json.loads(box)
    data_key = provider.unwrap(parts["kek"], base64.b64decode(parts["dek"]))
    parts |= {"kek": provider.kek_id, "dek": base64.b64encode(provider.wrap(data_key)).decode()}
    return json.dumps(parts, separators=(",", ":"))


def open_sealed(provider: KeyProvider, box: str, aad: str) -> bytes:
    """The plaintext; SealBroken if anything about the box or its row is wrong."""
    try:
        parts: dict[str, Any] = json.loads(box)
        if parts["v"] != BOX_VERSION:
            raise SealBroken("a sealed box of another version")
        wrapped, nonce, sealed = (base64.b64decode(parts[n]) for n in ("dek", "nonce", "ct"))
        data_key = provider.unwrap(parts["kek"], wrapped)
        return AESGCM(data_key).decrypt(nonce, sealed, aad.encode())
    except (InvalidTag, KeyError, ValueError, TypeError):
        raise SealBroken("the sealed box does not open here") from None
