"""What the command lines take from the person at the terminal."""

from pathlib import Path

ACTOR = "command-line"
FILE_MAX = 64 * 1024


class BadInput(Exception):
    """One clear line for the person at the terminal; never repeats a secret."""


def text_of(path: Path) -> str:
    """The file's text; BadInput for what is no text file of a sane size."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    if path.stat().st_size > FILE_MAX:
        raise BadInput(f"{path}: too large")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file") from None
