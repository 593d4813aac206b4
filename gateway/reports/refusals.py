"""Counts what the endpoints for signed forms refused, and reports the counts to payment.

An operator needs to know how many, why, for which app, since when and from where, and one example.
The cost does not grow with a flood: one tally per app and reason, one call every REPORT_EVERY_S,
one row an hour at payment.
"""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.client import ServiceClient
from shared.clock import Clock
from shared.contracts.reports import RefusedNotices
from shared.errors import Problem
from shared.telemetry import get_logger

REPORT_EVERY_S = 5.0
LOG_EVERY_S = 1.0
TALLIES_MAX = 1024
ITEMS_MAX = 16
"""Per call: their samples must fit into one body."""
SAMPLE_BYTES = 2048
CLAIMED_MAX = 64
UNREADABLE = 422

log = get_logger("notify")

_Key = tuple[UUID | None, str, str]


@dataclass(slots=True)
class _Tally:
    refused: int
    first_at: datetime
    last_at: datetime
    client: str
    out_trade_no: str
    body: bytes


class Refusals:
    """Tallies by (tenant, app, reason), and the job that reports them."""

    def __init__(self, payment: ServiceClient, clock: Clock) -> None:
        self._payment = payment
        self._clock = clock
        self._tallies: dict[_Key, _Tally] = {}
        self._logged_at: dict[str, float] = {}

    def note(
        self,
        reason: str,
        *,
        tenant_id: UUID | None,
        app_id: str,
        client: str,
        out_trade_no: str,
        body: bytes,
    ) -> bool:
        """Counts one refusal; True when its reason was not logged within the last second."""
        now = self._clock.now()
        key = (tenant_id, app_id, reason)
        if key not in self._tallies and len(self._tallies) >= TALLIES_MAX:
            key = (None, "", reason)
        sample = body[:SAMPLE_BYTES]
        claimed, client = out_trade_no[:CLAIMED_MAX], client[:CLAIMED_MAX]
        tally = self._tallies.get(key)
        if tally is None:
            self._tallies[key] = _Tally(1, now, now, client, claimed, sample)
        else:
            tally.refused += 1
            tally.last_at = now
            tally.client, tally.out_trade_no, tally.body = client, claimed, sample
        return self._is_log_due(reason)

    def _is_log_due(self, reason: str) -> bool:
        at = self._clock.monotonic()
        if at - self._logged_at.get(reason, -LOG_EVERY_S) < LOG_EVERY_S:
            return False
        self._logged_at[reason] = at
        return True

    async def run(self) -> None:
        """Reports to payment until cancelled; what payment does not accept is reported later."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await self.report()

    async def report(self) -> None:
        """Reports what was counted so far."""
        for keys in self._batches():
            batch = {key: self._tallies.pop(key) for key in keys}
            items = [_item(key, tally) for key, tally in batch.items()]
            try:
                await self._payment.call_ok(
                    "POST", "/internal/notify-refusals", body={"items": items}
                )
            except Problem as error:
                log.warning("notify.refusals_not_reported", code=error.code, status=error.status)
                if error.status == UNREADABLE:
                    continue  # repeating it would block all later reports
                self._put_back(batch)
                return

    def _batches(self) -> Iterator[list[_Key]]:
        keys = list(self._tallies)
        for start in range(0, len(keys), ITEMS_MAX):
            yield keys[start : start + ITEMS_MAX]

    def _put_back(self, batch: dict[_Key, _Tally]) -> None:
        for key, tally in batch.items():
            newer = self._tallies.get(key)
            if newer is None:
                self._tallies[key] = tally
            else:
                newer.refused += tally.refused
                newer.first_at = tally.first_at


def _item(key: _Key, tally: _Tally) -> RefusedNotices:
    tenant_id, app_id, reason = key
    return {
        "tenant_id": str(tenant_id) if tenant_id else None,
        "app_id": app_id,
        "reason": reason,
        "refused": tally.refused,
        "first_at": tally.first_at.isoformat(),
        "last_at": tally.last_at.isoformat(),
        "client": tally.client,
        "out_trade_no": tally.out_trade_no,
        "body_b64": base64.b64encode(tally.body).decode(),
    }
