"""Rules of acting for a merchant: how long, with which reason, and what goes wrong.

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
"""How long a request for more waits for an answer."""
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
    """A reason that tells the merchant something: a few words, or as many ideographs. Raises
    ValueError for a letter or two, or for one letter many times."""
    letters = [letter for letter in text if letter.isalpha()]
    ideographs = sum(unicodedata.east_asian_width(letter) == "W" for letter in letters)
    words = [word for word in text.split() if sum(map(str.isalpha, word)) >= 2]
    is_said = ideographs >= REASON_IDEOGRAPHS or (
        len(words) >= REASON_WORDS and len(letters) >= REASON_LETTERS
    )
    if not is_said or len(set(letters)) < REASON_IDEOGRAPHS:
        raise ValueError("写清事由，至少四个字 say why, in a few words")
    return text
