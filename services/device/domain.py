"""Rules of devices: what a code looks like, when it is good, and what goes wrong.

Problem
├── NotFound    UnknownStore    404  device.unknown_store
│               UnknownCode     404  device.unknown_code
└── Conflict    CodeUsed        409  device.code_used
                CodeExpired     409  device.code_expired
                CodeSpoilt      409  device.code_spoilt     too many tries under another SN
                CodeEnded       409  device.code_ended      its maker left the role
                SnMismatch      409  device.sn_mismatch

    device:   active ──revoke──▶ revoked
                 ▲ enrol again (same SN: same device_id, new key) │
                 └────────────────────────────────────────────────┘
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Conflict, NotFound, Problem

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that reads like a digit."""
CODE_LETTERS = 16
"""80 bits: out of reach in ten minutes, whatever the edge lets through."""
CODE_GROUP = 4
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
UNDER_WAY = timedelta(seconds=90)
"""How long a person who has left a role may still get something made: the edge believes a session
for 15 s, and we a token for 60 s."""
SN = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$"
KEY_BYTES = 32
SEEN_EVERY = timedelta(minutes=1)

_READS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN = re.compile(r"[\s-]+")


class UnknownStore(NotFound):
    code = "device.unknown_store"
    title = "没有该门店 There is no such store."


class UnknownCode(NotFound):
    code = "device.unknown_code"
    title = "激活码不存在，请核对 There is no such code; please check it."


class CodeUsed(Conflict):
    code = "device.code_used"
    title = "激活码已被使用 The code was used already."


class CodeExpired(Conflict):
    code = "device.code_expired"
    title = "激活码已过期，请重新生成 The code has expired; make a new one."


class CodeSpoilt(Conflict):
    code = "device.code_spoilt"
    title = "激活码错误使用次数过多，已作废 The code was tried too often and is void."


class CodeEnded(Conflict):
    code = "device.code_ended"
    title = "生成激活码的人已停用或更换角色，请重新生成 Its maker left the role; make a new one."


class SnMismatch(Conflict):
    code = "device.sn_mismatch"
    title = "激活码属于另一台设备 The code is for another device."


class Status(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


def new_code() -> str:
    """XXXX-XXXX-XXXX-XXXX, for reading aloud across a counter."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LETTERS))
    groups = (letters[at : at + CODE_GROUP] for at in range(0, CODE_LETTERS, CODE_GROUP))
    return "-".join(groups)


def code_digest(typed: str) -> str | None:
    """The digest a code is stored under, however it was typed; None when it cannot be one."""
    letters = _BETWEEN.sub("", typed).upper().translate(_READS_LIKE)
    if len(letters) != CODE_LETTERS or not set(letters) <= set(CODE_ALPHABET):
        return None
    return hashlib.sha256(letters.encode()).hexdigest()


def why_refused(
    now: datetime,
    *,
    sn: str,
    bound_sn: str | None,
    expires_at: datetime,
    used_at: datetime | None,
    tries: int,
    has_maker_left: bool,
) -> type[Problem]:
    """Why a code that exists was not good for this device."""
    if used_at is not None:
        return CodeUsed
    if now >= expires_at:
        return CodeExpired
    if has_maker_left:
        return CodeEnded
    if tries >= CODE_TRIES:
        return CodeSpoilt
    if bound_sn is not None and bound_sn != sn:
        return SnMismatch
    return CodeUsed  # somebody else was quicker, between our two looks
