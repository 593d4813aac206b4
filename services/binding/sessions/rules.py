"""How long a session lives."""

from datetime import datetime, timedelta

SESSION_IDLE = timedelta(hours=2)
TOUCH_EVERY = timedelta(minutes=1)


def is_session_alive(
    now: datetime, *, expires_at: datetime, seen_at: datetime, revoked_at: datetime | None
) -> bool:
    return revoked_at is None and now < expires_at and now - seen_at < SESSION_IDLE
