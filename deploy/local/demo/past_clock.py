"""A clock for days that are over."""

import time
from datetime import datetime, timedelta


class PastClock:
    """Starts at a given time and runs on at normal speed; it can be moved forward, never back.
    `monotonic` moves with it."""

    def __init__(self, at: datetime) -> None:
        self._at, self._begun = at, time.monotonic()
        self._skipped_s = 0.0

    def forward(self, to: datetime) -> None:
        """Moves to that time; does nothing if it is later already."""
        self._skipped_s += max(0.0, (to - self.now()).total_seconds())

    def now(self) -> datetime:
        return self._at + timedelta(seconds=self.monotonic() - self._begun)

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped_s
