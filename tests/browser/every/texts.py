"""The console's texts as its sources hold them: what a visit presses is named by its key, so that
another wording changes no visit."""

import re
from pathlib import Path

from tests.fixtures.processes import ROOT

SOURCES = ROOT / "gateway" / "spa" / "console" / "src"
LANGUAGES = ("zh-CN", "en")
_TEXT = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_PAIR = re.compile(rf"'([\w.]+)':\s*\[\s*{_TEXT}\s*,\s*{_TEXT}")
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def _read(folder: Path) -> dict[str, tuple[str, str]]:
    found = {}
    for path in sorted(folder.rglob("*.ts")):
        for key, chinese, english in _PAIR.findall(path.read_text()):
            found[key] = (_plain(chinese), _plain(english))
    return found


def _plain(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


TEXTS = _read(SOURCES / "texts")


def said(key: str, language: str, **values: object) -> str:
    """The text of a key; `values` fill its places."""
    text = TEXTS[key][LANGUAGES.index(language)]
    return _PLACE.sub(lambda place: str(values[place[1]]), text)


def beginning(key: str, language: str) -> str:
    """Of a text with places, what stands before the first."""
    return _PLACE.split(TEXTS[key][LANGUAGES.index(language)])[0]
