"""Reading the files that are named on the command line, and the error for bad input."""

from pathlib import Path

ACTOR = "command-line"
FILE_MAX = 64 * 1024


class BadInput(Exception):
    """One clear line for the person at the terminal. It never repeats a secret."""


def text_of(path: Path) -> str:
    """The file's text. BadInput when it is missing, larger than FILE_MAX, or not UTF-8."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    if path.stat().st_size > FILE_MAX:
        raise BadInput(f"{path}: too large")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file") from None
