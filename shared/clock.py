"""The one place that reads the machine's clocks; all other code is given a Clock."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for facts, monotonic time for durations."""

    def now(self) -> datetime: ...  # the present instant, aware, in UTC

    def monotonic(self) -> float: ...  # seconds, never going back: for differences only


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
