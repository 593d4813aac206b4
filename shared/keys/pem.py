"""The bytes inside a pasted text: PEM in any spelling, or bare base64.

Key tools, browsers, messengers, office programs and configuration files each change the text: byte
order marks, blanks of every kind, escaped newlines, quotes, lost padding, a cut END line, a label
that does not match. All of these are accepted here, in one place, so that every part of the
platform reads the same key from the same text. This module handles text only; the readers decide
what the bytes are.
"""

import base64
import binascii
import re
from dataclasses import dataclass

TEXT_MAX = 64 * 1024
"""characters; no genuine key, certificate or bundle comes near it"""

# Compiled when the first text is read, so that a process that reads none starts faster.
_ESCAPED_BREAKS = r"(?<!\\)\\++[rnt]"
_UNSEEN = r"\u200b-\u200f\u2060\u00ad\ufeff"
"""what messengers and office programs slip in between letters"""
_QUOTES = "\"'`“”‘’"
# Three dashes are enough. The last ones are matched but not consumed: where two files were joined,
# they are also the first ones of the next line.
_MARK = r"(?<!-)-{3,}+\s*+(BEGIN|END)\s++([A-Z0-9]++(?:\s++[A-Z0-9]++)*+)\s*+(?=---)"
# Traces of a key or certificate whose BEGIN or END line was damaged: such a line, or its letters.
_STRAY = (
    r"\b(?i:BEGIN|END)\s++(?i:[A-Z0-9 ]{0,40}(?:KEY|CERT))"
    r"|MII[A-Za-z0-9+/]{13}|(?<!\S)[A-Za-z0-9+/]{48}"
)
_DER_START = "MII"


class UnusableKey(ValueError):
    """The pasted text cannot be used; `code` is a stable word for the reason. It never contains the
    input.

    empty           nothing but blanks
    too_large       more text, or a longer key, than anybody uses
    unreadable      no key and no certificate
    truncated       part of it is missing
    encrypted       locked by a passphrase
    several         more than one where one is needed
    not_rsa         another kind of key
    too_short       RSA of fewer than 2048 bits
    inconsistent    its numbers do not fit together
    is_private, is_public, is_certificate
                    the wrong one of the three
    """

    def __init__(self, code: str, bits: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.bits = bits
        """the key's length, where that is the fault"""


@dataclass(frozen=True, slots=True)
class Block:
    """A BEGIN line and the text after it; `label` is empty for bare base64."""

    label: str
    body: str


def blocks_of(text: str) -> list[Block]:
    """The blocks of the text, in their order; at least one. A missing or wrong END line is
    accepted, and so are words before and after. But if there is a trace of a block that was not
    recognised, the whole text is refused: otherwise another block could be taken for the intended
    one."""
    if len(text) > TEXT_MAX:
        raise UnusableKey("too_large")
    text = re.sub(f"[{_UNSEEN}]+", "", re.sub(_ESCAPED_BREAKS, "\n", text))
    marks = list(re.finditer(_MARK, text))
    if not any(mark[1] == "BEGIN" for mark in marks):
        return [Block("", text)]
    found: list[Block] = []
    between = [text[: marks[0].start()]]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        body = text[mark.end() : end].lstrip("-")
        if mark[1] == "BEGIN":
            found.append(Block(" ".join(mark[2].split()), body))
        else:
            between.append(body)
    if any(re.search(_STRAY, words) for words in between):
        raise UnusableKey("several")
    return found


def without_blanks(text: str) -> str:
    """The text without blanks of any kind, also without invisible ones."""
    return re.sub(rf"[\s{_UNSEEN}]+", "", text)


def der_of(body: str, most: int) -> bytes:
    """The decoded bytes, at most `most` of them; lost padding is added again."""
    compact = without_blanks(body).strip(_QUOTES)
    if not compact:
        raise UnusableKey("empty")
    bare = compact.rstrip("=")
    if len(bare) % 4 == 1 and bare.startswith(_DER_START):
        raise UnusableKey("truncated")  # no number of bytes encodes to this many letters
    try:
        der = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKey("unreadable") from None
    if len(der) > most:
        raise UnusableKey("too_large")
    return der
