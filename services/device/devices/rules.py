"""Rules of devices: the form of codes, when they are valid, and the problems.

Problem
├── NotFound    UnknownStore    404  device.unknown_store
│               UnknownCode     404  device.unknown_code
└── Conflict    CodeUsed        409  device.code_used
                CodeExpired     409  device.code_expired
                CodeSpoilt      409  device.code_spoilt     too many tries under another SN
                CodeEnded       409  device.code_ended      its maker left the role, or has
                                                            a new password
                CodeRevoked     409  device.code_revoked    taken back before it was used, by
                                                            a person or as the merchant was
                                                            suspended
                TooManyCodes    409  device.too_many_codes  of a merchant, that are open
                SnMismatch      409  device.sn_mismatch
                DeviceIsRevoked 409  device.revoked         it is neither renamed nor moved
                StaleVersion    409  device.stale_version   renamed or moved by somebody else

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
"""80 bits: cannot be guessed in ten minutes at any rate that the edge allows."""
CODE_GROUP = 4
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
OPEN_CODES_MAX = 100
"""Of a merchant at a time: the list shows so many, so that no valid code is missing there."""
IN_FLIGHT = timedelta(seconds=90)
"""For so long a person who has left a role may still make a code: the edge caches a session for 15
s, and we accept a token for 60 s."""
SN = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$"
KEY_BYTES = 32
SEEN_EVERY = timedelta(minutes=1)
_TEST_SN = "TEST-"
MODELS = {
    "QCF4": "支付宝盒F4 蜻蜓青春版",
    "HQF4": "支付宝盒F4 蜻蜓青春版",
    "SMIT3B": "商米 T3B",
}
"""Model by the prefix of the serial number (S59)."""
HINT_LETTERS = 4
"""The last letters of a code, stored in clear so that people can tell open codes apart; 60 bits
stay unknown."""

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
    title = (
        "生成激活码的人已停用、更换角色或更换密码，请重新生成"
        " Its maker left the role or has a new password; make a new one."
    )


class CodeRevoked(Conflict):
    code = "device.code_revoked"
    title = (
        "激活码已作废，请重新生成；商户停用期间请联系服务商"
        " The code was taken back: make a new one, or, while the merchant is suspended, ask the"
        " operator."
    )


class TooManyCodes(Conflict):
    code = "device.too_many_codes"
    title = (
        "未使用的激活码已达 100 个，请先使用或撤销"
        " A hundred codes are open: use some, or take some back."
    )


class DeviceIsRevoked(Conflict):
    code = "device.revoked"
    title = "设备已停用，重新激活后才能修改 The device is revoked: enrol it again to change it."


class SnMismatch(Conflict):
    code = "device.sn_mismatch"
    title = "激活码属于另一台设备 The code is for another device."


class StaleVersion(Conflict):
    code = "device.stale_version"
    title = "设备已被他人修改，请刷新后再改 Somebody else changed the device; please look again."


class Kind(StrEnum):
    """What a device is: a terminal, or a page of the console that plays one."""

    TERMINAL = "terminal"
    TEST_CASHIER = "test_cashier"


class Status(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


class CodeState(StrEnum):
    """What became of an enrolment code."""

    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ENDED = "ended"
    """its maker left the role, or has a new password"""
    SPOILT = "spoilt"
    """too many tries under another SN"""


_REFUSALS: dict[CodeState, type[Problem]] = {
    CodeState.USED: CodeUsed,
    CodeState.REVOKED: CodeRevoked,
    CodeState.EXPIRED: CodeExpired,
    CodeState.ENDED: CodeEnded,
    CodeState.SPOILT: CodeSpoilt,
}


def kind_of(sn: str, declared: str | None) -> Kind:
    """The kind that the device declares at enrolment. Older pages of the console declare none and
    are recognised by their SN; no other kind follows from an SN."""
    if declared is not None:
        return Kind(declared)
    return Kind.TEST_CASHIER if sn.startswith(_TEST_SN) else Kind.TERMINAL


def model_by_sn(sn: str) -> str | None:
    """The model by the SN, for a device that did not declare it; None: not known."""
    found = (model for prefix, model in MODELS.items() if sn.upper().startswith(prefix))
    return next(found, None)


def new_code() -> str:
    """A random code XXXX-XXXX-XXXX-XXXX, easy to read aloud."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LETTERS))
    groups = (letters[at : at + CODE_GROUP] for at in range(0, CODE_LETTERS, CODE_GROUP))
    return "-".join(groups)


def code_digest(typed: str) -> str | None:
    """The digest under which a code is stored, whatever its spelling; None if it is no code."""
    letters = _BETWEEN.sub("", typed).upper().translate(_READS_LIKE)
    if len(letters) != CODE_LETTERS or not set(letters) <= set(CODE_ALPHABET):
        return None
    return hashlib.sha256(letters.encode()).hexdigest()


def code_state(
    now: datetime,
    *,
    expires_at: datetime,
    used_at: datetime | None,
    revoked_at: datetime | None,
    tries: int,
    has_maker_left: bool,
) -> CodeState:
    """The state of a code. A used code stays used, whatever happens later."""
    conditions = (
        (used_at is not None, CodeState.USED),
        (revoked_at is not None, CodeState.REVOKED),
        (now >= expires_at, CodeState.EXPIRED),
        (has_maker_left, CodeState.ENDED),
        (tries >= CODE_TRIES, CodeState.SPOILT),
    )
    return next((state for holds, state in conditions if holds), CodeState.OPEN)


def why_refused(state: CodeState, *, sn: str, bound_sn: str | None) -> type[Problem]:
    """The problem of a code that exists but did not enrol this device."""
    if state is not CodeState.OPEN:
        return _REFUSALS[state]
    # Open: bound to another SN, or another device used the code between our two queries.
    return SnMismatch if bound_sn is not None and bound_sn != sn else CodeUsed
