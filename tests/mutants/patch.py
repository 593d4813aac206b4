"""One deliberate fault, and the tests that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """`old` stands exactly once in `file`; with `new` in its place one of `tests` must fail.

    `accepted` says why a survivor is one: the change cannot be seen, or costs more to see than it
    could do. Such a patch is counted and listed, and does not fail the run.
    """

    file: str
    what: str
    old: str
    new: str
    tests: tuple[str, ...]
    accepted: str = ""

    def line_in(self, text: str) -> int:
        """The number of the line where `old` begins; ValueError unless it stands there once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: {text.count(self.old)} times: {self.old!r}")
        return text[: text.index(self.old)].count("\n") + 1
