"""Reports when keys were last used and devices last seen to the service that keeps them (binding,
device): at most once a minute per key or device.

A use costs the request one write to memory, no call and no row. The report contains no secret. When
a process is killed, at most a minute of unreported uses is lost.
"""

import asyncio
from collections import OrderedDict
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts import documents
from shared.errors import Problem
from shared.telemetry import get_logger

log = get_logger("usage")

REPORT_EVERY_S = 60.0
"""per key; its first use is reported within CHECK_EVERY_S"""
CHECK_EVERY_S = 5.0
ITEMS_MAX = documents.USES_MAX
KEPT_MAX = 8192
UNREADABLE = 422


@dataclass(frozen=True, slots=True)
class AppKeyUse:
    """The egress signed with this version of an app's private key."""

    tenant_id: UUID
    app_id: str
    key_version: int


@dataclass(frozen=True, slots=True)
class ApiKeyUse:
    """A merchant's program was authenticated with this key."""

    tenant_id: UUID
    key_id: str


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """A device was authenticated by its signature."""

    tenant_id: UUID
    device_id: str


UseT = TypeVar("UseT", AppKeyUse, ApiKeyUse, DeviceUse)
_REPORTED: dict[type, type[BaseModel]] = {
    AppKeyUse: documents.AppKeyUseBody,
    ApiKeyUse: documents.ApiKeyUseBody,
    DeviceUse: documents.SightingBody,
}


class LastUsed(Generic[UseT]):
    """The last use of each key or device that was not reported to its keeper yet."""

    def __init__(self, keeper: ServiceClient, path: str, clock: Clock) -> None:
        self._keeper = keeper
        self._path = path
        self._clock = clock
        self._used: dict[UseT, datetime] = {}
        self._reported_at: OrderedDict[UseT, float] = OrderedDict()

    def note(self, key: UseT) -> None:
        """Records a use now."""
        if key in self._used or len(self._used) < KEPT_MAX:
            self._used[key] = self._clock.now()

    async def run(self) -> None:
        """Reports to the keeper until cancelled; what it does not accept is reported later."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await self.report()

    async def report(self, *, is_last: bool = False) -> None:
        """Reports the uses that are due; all of them when the process ends."""
        now = self._clock.monotonic()
        due = [key for key in self._used if is_last or self._is_due(key, now)]
        for start in range(0, len(due), ITEMS_MAX):
            batch = {key: self._used.pop(key) for key in due[start : start + ITEMS_MAX]}
            items = [_item(key, at) for key, at in batch.items()]
            try:
                await self._keeper.call_ok("POST", self._path, body={"items": items})
            except Problem as error:
                log.warning("usage.not_reported", path=self._path, code=error.code)
                if error.status == UNREADABLE:
                    continue  # repeating it would block all later reports
                for key, at in batch.items():
                    self._used.setdefault(key, at)  # a newer use is kept
                return
            self._remember(list(batch), now)

    def _is_due(self, key: UseT, now: float) -> bool:
        reported_at = self._reported_at.get(key)
        return reported_at is None or now - reported_at >= REPORT_EVERY_S

    def _remember(self, keys: list[UseT], now: float) -> None:
        for key in keys:
            self._reported_at[key] = now
            self._reported_at.move_to_end(key)
        while len(self._reported_at) > KEPT_MAX:
            self._reported_at.popitem(last=False)


def _item(key: AppKeyUse | ApiKeyUse | DeviceUse, at: datetime) -> dict[str, Any]:
    return _REPORTED[type(key)](**asdict(key), used_at=at).model_dump(mode="json")
