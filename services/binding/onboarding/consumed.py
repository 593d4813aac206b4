"""Applies events of other services to the map, in the consumer's transaction.

Devices: the last row is done with the merchant's first device (S16), and open again when the last
device is revoked. The revocation of an unknown device does not open it: after an update the other
devices may be published a moment later.

Releases: an answer is only applied to the row's newest request, and only when it is newer than the
last answer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from services.binding.audit.log import ReportedAction
from services.binding.deps import Deps
from services.binding.onboarding import repo
from services.binding.onboarding.models import TERMINAL
from services.binding.onboarding.remedies import GOES_TO
from services.binding.onboarding.rows import BY_ROW, ROW_OF
from shared.contracts.events.device import DeviceEnrolled, DeviceRevoked, ReleaseChanged

PUSH_AGAIN = timedelta(seconds=2)
"""A running push is checked in our own tables after this time."""

Pg: TypeAlias = "asyncpg.Connection[Any]"

# --- devices


async def devices_seen(
    pg: Pg, events: Sequence[DeviceEnrolled], *, with_test_cashiers: bool
) -> Sequence[Any]:
    """Returns the rows of the map that are done by these events: tenant_id, app_id, row, at, sn,
    state_before."""
    found = [(e.tenant_id, e.device_id, e.sn, e.kind, e.occurred_at) for e in events]
    await repo.note_enrolled(pg, found)
    counted: list[tuple[UUID, str, datetime]] = [
        (e.tenant_id, e.sn, e.occurred_at)
        for e in events
        if with_test_cashiers or e.kind == TERMINAL
    ]
    return await repo.complete_device_row(pg, counted) if counted else ()


async def devices_gone(
    pg: Pg, events: Sequence[DeviceRevoked], *, with_test_cashiers: bool
) -> Sequence[Any]:
    """Returns the rows of the map that are open again: tenant_id, app_id, row."""
    found = [(e.tenant_id, e.device_id, e.occurred_at) for e in events]
    await repo.note_revoked(pg, found)
    tenants = sorted({e.tenant_id for e in events})
    return await repo.reopen_device_row(pg, tenants, with_test_cashiers=with_test_cashiers)


# --- releases


async def releases_changed(
    deps: Deps, pg: Pg, events: Sequence[ReleaseChanged]
) -> list[ReportedAction]:
    """Applies the events to their rows; returns the actions for the audit log."""
    facts = []
    for event in events:
        row = ROW_OF[event.step]
        due = _next_pass(event, deps.clock.now())
        before = await repo.apply_release(pg, event, row, due)
        if before is None:
            continue
        if before["state"] != event.state:
            after = {"state": event.state, "remedy": event.remedy, "note": None}
            facts.append(_fact(event, row, f"onboarding.{event.state}", before["state"], after))
        if (before["state"], before["remedy"]) != (event.state, event.remedy):
            facts += await _reopened(pg, event)
    return facts


def _next_pass(event: ReleaseChanged, now: datetime) -> datetime | None:
    """A row that has changed may make another one due, so the map is checked at once."""
    if event.step != "push":
        return now
    return now + PUSH_AGAIN if event.state == "running" else None


async def _reopened(pg: Pg, event: ReleaseChanged) -> list[ReportedAction]:
    """Reopens a row that a person marked as done, when the platform reports that it is missing."""
    missing = GOES_TO.get(event.remedy or "")
    if missing is None or BY_ROW[missing].kind != "manual":
        return []
    gone = await repo.reopen(pg, event.tenant_id, event.app_id, missing)
    return [_fact(event, missing, "onboarding.reopen", row["state"], None) for row in gone[:1]]


def _fact(
    event: ReleaseChanged, row: str, action: str, before: str, after: dict[str, Any] | None
) -> ReportedAction:
    return ReportedAction(
        tenant_id=event.tenant_id,
        at=event.occurred_at,
        actor=event.actor,
        action=action,
        subject=f"{event.app_id}:{row}",
        before={"state": before},
        after=after,
    )
