"""Rules of acting for a merchant: time limits, the stated reason, and the problems.

Problem
├── Forbidden  NotByActing                          403
└── Conflict   AlreadyActing GrantOpen GrantDecided 409
"""

import unicodedata
from datetime import timedelta

from shared.errors import Conflict, Forbidden

ACTING_MINUTES_MAX = 60
GRANT_MINUTES_MAX = 8 * 60
GRANT_ASKED_FOR = timedelta(hours=24)
"""How long a request for a grant stays open."""
REASON_IDEOGRAPHS, REASON_WORDS, REASON_LETTERS = 4, 2, 8


class AlreadyActing(Conflict):
    code = "binding.already_acting"
    title = "请先结束当前的代操作 End the present acting first."


class NotByActing(Forbidden):
    code = "binding.not_by_acting"
    title = "代操作不能做这件事 Nobody may do this on the merchant's behalf."


class GrantOpen(Conflict):
    code = "binding.grant_open"
    title = "已有待处理或生效中的授权 There is a request, or a grant, already."


class GrantDecided(Conflict):
    code = "binding.grant_decided"
    title = "该申请已处理、撤回或过期 It was decided, taken back, or has expired."


def check_reason(text: str) -> str:
    """The text itself when the merchant can learn something from it: at least two words of eight
    letters together, or four ideographs. Raises ValueError for less, or for few different
    letters."""
    letters = [letter for letter in text if letter.isalpha()]
    ideographs = sum(unicodedata.east_asian_width(letter) == "W" for letter in letters)
    words = [word for word in text.split() if sum(map(str.isalpha, word)) >= 2]
    is_enough = ideographs >= REASON_IDEOGRAPHS or (
        len(words) >= REASON_WORDS and len(letters) >= REASON_LETTERS
    )
    if not is_enough or len(set(letters)) < REASON_IDEOGRAPHS:
        raise ValueError("写清事由，至少四个字 say why, in a few words")
    return text
