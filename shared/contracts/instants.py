"""Instants as processes and clients write them (RFC 3339 in UTC), and the time of day in China."""

from datetime import datetime, timedelta, timezone
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer

BEIJING_OFFSET = timedelta(hours=8)
BEIJING = timezone(BEIJING_OFFSET)
"""in which a day on an order is a day (S100), and Alipay writes its times; it has no summer time"""


def rfc3339(at: datetime) -> str:
    """2026-11-23T04:00:00Z; `at` is in UTC."""
    return at.isoformat().replace("+00:00", "Z")


Instant = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
