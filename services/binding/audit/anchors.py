"""The file of anchors: the heads of the audit chains, outside the database, each line signed.

A line is JSON: `at`, `tenant_id`, `seq`, `hash`, `after` (the number of the anchor before it) and
`sig`, an Ed25519 signature by the worker's service key over the other members. An edited line fails
its signature. A deleted line leaves a gap before the `after` of the next one. If the last line is
deleted, `audit_heads` still has its number. A line that a crash left incomplete is ignored, and the
next anchor begins on a new line.
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
    """A head as it was written to the file; `after` is the number of the anchor before it."""

    seq: int
    hash: str
    at: str
    after: int
    is_signed: bool


def trusted_keys(path: Path) -> list[Ed25519PublicKey]:
    """The worker's public key and its former ones, which are kept under `binding.<anything>`."""
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
    """Writes the lines and syncs them to the disk before it returns. Raises OSError when that
    fails; a line that is then incomplete is ended by the next call."""
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
    """The tenant's anchors, oldest first; `is_signed`: one of `keys` signed the line."""
    if path is None or not path.is_file():
        return
    mark = str(tenant_id).encode()
    with path.open("rb") as lines:
        for raw in lines:
            found = _members(raw) if mark in raw and raw.endswith(b"\n") else None
            if found is not None and found["tenant_id"] == str(tenant_id):
                yield _anchor(found, keys)


def _anchor(found: dict[str, Any], keys: Sequence[Ed25519PublicKey]) -> Anchor:
    """A line whose members have other types was not written here: it counts as unsigned."""
    if not all(type(found[name]) is kind for name, kind in TYPES.items()):
        return Anchor(0, "", "", 0, is_signed=False)
    return Anchor(found["seq"], found["hash"], found["at"], found["after"], _is_signed(found, keys))


def _members(raw: bytes) -> dict[str, Any] | None:
    """None for a line that is incomplete, or older than signed lines."""
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
    """The fault of the anchors as a sequence: `signature`, `gap`, or "" for none. `noted` is the
    number that was anchored last according to the database."""
    if not all(anchor.is_signed for anchor in anchors):
        return "signature"
    reached = 0
    for anchor in anchors:
        if anchor.after > reached:
            return "gap"
        reached = max(reached, anchor.seq)
    return "gap" if noted > reached else ""
