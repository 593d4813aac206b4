"""The heads of the audit chains, written down outside the database, each line signed.

A line is JSON: `at`, `tenant_id`, `seq`, `hash`, `after` (the number that was anchored before) and
`sig`, Ed25519 over the other members by the worker's service key. So an edited line is seen, a line
that is gone leaves a gap behind the next one's `after`, and the last one that is gone is missed by
the note in `audit_heads`. A line that a crash tore says nothing, and the next one begins anew.
"""

import base64
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ISSUER = "binding"
FIELDS = ("at", "tenant_id", "seq", "hash", "after")
TYPES = {"at": str, "tenant_id": str, "seq": int, "hash": str, "after": int, "sig": str}


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head as it was once written down; `after` is the number of the one before."""

    seq: int
    hash: str
    at: str
    after: int
    is_signed: bool


def trusted_keys(path: Path) -> list[Ed25519PublicKey]:
    """The worker's public key, and its former ones, kept as `binding.<anything>`."""
    trust = json.loads(path.read_text())
    return [
        Ed25519PublicKey.from_public_bytes(base64.b64decode(raw))
        for name, raw in trust.items()
        if name == ISSUER or name.startswith(f"{ISSUER}.")
    ]


def line(members: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """One whole line; `members` are those of FIELDS."""
    signature = base64.b64encode(key.sign(_signed(members))).decode()
    return orjson.dumps({**members, "sig": signature}) + b"\n"


def _signed(members: dict[str, Any]) -> bytes:
    return b"damselfly-audit-anchor\n" + orjson.dumps([members[name] for name in FIELDS])


def append(path: Path, lines: bytes) -> None:
    """To the disk, whole, before anybody is told that it is there. Raises OSError when it is not:
    what was torn then is closed off by the next line."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            lines = b"\n" + lines
        left = memoryview(lines)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path | None, tenant_id: UUID, keys: Sequence[Ed25519PublicKey]) -> Iterator[Anchor]:
    """The tenant's lines, oldest first, each with whether one of `keys` signed it."""
    if path is None or not path.is_file():
        return
    mark = str(tenant_id).encode()
    with path.open("rb") as lines:
        for raw in lines:
            found = _members(raw) if mark in raw and raw.endswith(b"\n") else None
            if found is not None and found["tenant_id"] == str(tenant_id):
                yield _anchor(found, keys)


def _anchor(found: dict[str, Any], keys: Sequence[Ed25519PublicKey]) -> Anchor:
    """What is of another type than ours was not written by us: told as one that nobody signed."""
    if not all(type(found[name]) is kind for name, kind in TYPES.items()):
        return Anchor(0, "", "", 0, is_signed=False)
    return Anchor(found["seq"], found["hash"], found["at"], found["after"], _is_signed(found, keys))


def _members(raw: bytes) -> dict[str, Any] | None:
    """None for what is no whole line: torn, or from before lines were signed."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    is_whole = isinstance(found, dict) and found.keys() >= TYPES.keys()
    return found if is_whole else None


def _is_signed(found: dict[str, Any], keys: Iterable[Ed25519PublicKey]) -> bool:
    for key in keys:
        try:
            key.verify(base64.b64decode(found["sig"]), _signed(found))
        except (InvalidSignature, ValueError, TypeError):
            continue
        return True
    return False


def fault(anchors: Sequence[Anchor], noted: int) -> str:
    """What is wrong with them as a row: `signature`, `gap`, or nothing. `noted` is the number that
    the database says was anchored last."""
    if not all(anchor.is_signed for anchor in anchors):
        return "signature"
    reached = 0
    for anchor in anchors:
        if anchor.after > reached:
            return "gap"
        reached = max(reached, anchor.seq)
    return "gap" if noted > reached else ""
