"""The secrets of this machine: made once, mode 0600, under RUN_DIR/secrets."""

import base64
import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from deploy.local.layout import SERVICES

ISSUERS = ("gateway-edge", "gateway-egress", *SERVICES)
KEY_BITS = 2048
KEK_PURPOSES = ("app", "device", "pos", "own")
"""One key-encryption key per purpose: a process gets those it needs (processes.KEKS)."""


def write_private(path: Path, content: str) -> None:
    """Writes whole or not at all, readable by its owner only."""
    draft = path.with_suffix(path.suffix + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(content)
    draft.replace(path)


def _once(path: Path, make: "str | bytes") -> str:
    if not path.exists():
        write_private(path, make if isinstance(make, str) else make.decode())
    return path.read_text()


def password(folder: Path, name: str) -> str:
    """A password of this stack, made on first use."""
    return _once(folder / f"{name}.password", secrets.token_urlsafe(18))


def _pem(key: "Ed25519PrivateKey | X25519PrivateKey | rsa.RSAPrivateKey") -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _kek(former: Path) -> str:
    """A new key. If an earlier version used one key for everything, that key stays readable until
    `keys rotate-kek` and `keys retire-kek` have been run (docs/runbook.md)."""
    fresh = base64.b64encode(os.urandom(32)).decode()
    return f"2 {fresh}\n1 {former.read_text().strip()}\n" if former.exists() else f"1 {fresh}\n"


def _event_key(path: Path) -> str:
    """The public half of the key that marks and checks events, which stands in the same file as
    the signing key; added where a former version made the file."""
    end = "-----END PRIVATE KEY-----"
    blocks = [block + end for block in path.read_text().split(end)[:-1]]
    for block in blocks:
        key = serialization.load_pem_private_key(block.strip().encode(), password=None)
        if isinstance(key, X25519PrivateKey):
            return base64.b64encode(key.public_key().public_bytes_raw()).decode()
    write_private(path, path.read_text() + _pem(X25519PrivateKey.generate()).decode())
    return _event_key(path)


def make_all(folder: Path) -> None:
    """Service keys and the trust file, the key-encryption keys, the demo app's RSA pair."""
    trust = {}
    for issuer in ISSUERS:
        pem = _once(folder / f"{issuer}.pem", _pem(Ed25519PrivateKey.generate()))
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{issuer}.pem is not an Ed25519 key")
        trust[issuer] = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        trust[f"events:{issuer}"] = _event_key(folder / f"{issuer}.pem")
    write_private(folder / "trust.json", json.dumps(trust))
    for purpose in KEK_PURPOSES:
        _once(folder / f"kek-{purpose}", _kek(folder / "kek"))
    if not (folder / "app-private-key.pem").exists():
        pair = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        public = pair.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(folder / "app-public-key.pem", public.decode())
        write_private(folder / "app-private-key.pem", _pem(pair).decode())
