"""The one place that reads the machine's clocks; everything else is handed a Clock."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for facts, monotonic time for durations."""

    def now(self) -> datetime: ...  # the present instant, aware, in UTC

    def monotonic(self) -> float: ...  # seconds that only grow: compare two, never store one


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
