"""Time as this program sees it: epoch milliseconds, Beijing text, and the scaled resend clock."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
DAY_MS = 86_400_000
MOST_DAYS_BACK = 30
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def beijing(ms: int) -> str:
    """`yyyy-MM-dd HH:mm:ss`, the only spelling of time on the wire."""
    return datetime.fromtimestamp(ms // 1000, BEIJING).isoformat(" ")[:19]


def beijing_with_ms(ms: int) -> str:
    """As refund notices spell it."""
    return f"{beijing(ms)}.{ms % 1000:03d}"


def from_beijing(text: str) -> int:
    """Epoch milliseconds; ValueError when it is not `yyyy-MM-dd HH:mm:ss`."""
    if _STAMP.fullmatch(text) is None:
        raise ValueError("not yyyy-MM-dd HH:mm:ss")
    return int(datetime.fromisoformat(text).replace(tzinfo=BEIJING).timestamp()) * 1000


def iso(ms: int | None) -> str | None:
    """RFC 3339 in UTC, as the admin interface spells time; None stays None."""
    if ms is None:
        return None
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class Backdating:
    """Applications whose requests are carried out at the time in their own timestamp, so that a
    rehearsal can have days before today. In memory: a restart ends it."""

    def __init__(self) -> None:
        self.apps: set[str] = set()

    def instant(self, app_id: str, timestamp: str, now: int) -> int:
        """Never in the future, and at most MOST_DAYS_BACK ago."""
        if app_id not in self.apps:
            return now
        return min(now, max(from_beijing(timestamp), now - MOST_DAYS_BACK * DAY_MS))


class RealClock:
    """Real time."""

    scale = 1.0

    def now(self) -> int:
        return now_ms()


class ScaledClock:
    """A clock that may run faster or slower; changing its speed never makes it jump."""

    def __init__(self, scale: float = 1.0, base_real: int = 0, base_scaled: int = 0) -> None:
        self.scale = scale
        self._base_real = base_real
        self._base_scaled = base_scaled

    def now(self) -> int:
        return self._base_scaled + int((now_ms() - self._base_real) * self.scale)

    def set_scale(self, scale: float) -> None:
        real = now_ms()
        self._base_scaled += int((real - self._base_real) * self.scale)
        self._base_real = real
        self.scale = scale

    def forward(self, ms: int) -> None:
        """Jumps ahead by `ms`, at the request of a test or a person."""
        self._base_scaled += ms

    def state(self) -> str:
        """What has to be kept so that due times mean the same after a restart."""
        return f"{self.scale!r} {self._base_real} {self._base_scaled}"

    @classmethod
    def restore(cls, state: str | None) -> "ScaledClock":
        if state is None:
            return cls()
        scale, real, scaled = state.split()
        return cls(float(scale), int(real), int(scaled))
