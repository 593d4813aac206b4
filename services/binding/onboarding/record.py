"""Stores the state of a row and the time of its next check. A running row is checked until it has
ended. A waiting or failed row is checked for some days, at growing intervals."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.binding.audit.record import audit
from services.binding.deps import Deps
from services.binding.onboarding import repo
from services.binding.onboarding.checks import WATCHED
from services.binding.onboarding.map import Line
from services.binding.onboarding.models import OnboardingRow
from services.binding.onboarding.rules import CHECK_AGAIN_S, RowRunning
from shared import outbox
from shared.contracts.events.binding import ReleaseRequested
from shared.contracts.verdicts import Verdict

WAITS_S = (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""The pauses between checks of a row that waits for the merchant or failed."""
WAITS_MAX = 200
"""The most checks of a row that does not change: about a week. After that only a person's check
starts them again."""
ACT_TAKES_S = 60
"""The longest time that carrying a row out can take; a lost answer is only requested after that."""


async def record(
    deps: Deps,
    tenant_id: UUID,
    app_id: str,
    line: Line,
    verdict: Verdict,
    actor: str,
    note: str | None = None,
    requested: Mapping[str, Any] | None = None,
    *,
    request: ReleaseRequested | None = None,
    is_start: bool = False,
    is_look: bool = False,
) -> None:
    """Stores the present state of the row. A change of state is audited, and so is `requested`,
    what the platform was asked to do: which version was pushed to which device numbers (S132).
    `request` is published with it, and from then on only its answers are applied. `is_start`:
    RowRunning when the row runs already. `is_look`: nothing is stored when the row was started or
    has ended since the check, and a failed row stays failed until the check has a new result."""
    now = deps.clock.now()
    async with deps.db.tx(tenant_id) as tx:
        await repo.lock_row(tx, tenant_id, app_id, line.row.row)
        stored = (await repo.rows(tx, tenant_id, app_id)).get(line.row.row)
        kept = stored.state if stored is not None else "todo"
        if is_start and kept == "running":
            raise RowRunning
        if is_look and kept != line.kept and "running" in (kept, line.kept):
            return  # it was started or has ended meanwhile
        before = None if line.is_anew else stored
        if before is not None and is_look and kept == "failed" and verdict.state in (None, "todo"):
            verdict = Verdict("failed", before.remedy, before.evidence)
        state = verdict.state or (before.state if before is not None else "todo")
        is_same = before is not None and before.state == state
        attempts = before.attempts + 1 if before is not None and is_same else 0
        seconds = ACT_TAKES_S if is_start else pause(line.row.row, state, attempts)
        await repo.put(
            tx,
            OnboardingRow(
                tenant_id=tenant_id,
                app_id=app_id,
                row=line.row.row,
                state=state,
                remedy=verdict.remedy,
                evidence=dict(verdict.evidence or (before.evidence if before else {})),
                note=note or (before.note if before else None),
                by=actor,
                at=now,
                attempts=attempts,
                next_check_at=_after(now, seconds),
                request_id=request.request_id if request else stored and stored.request_id,
                answer=None if request else stored and stored.answer,
            ),
        )
        if request is not None:
            await outbox.add(tx, request)
        if requested is not None or state != kept:
            entry = (actor, f"onboarding.{state}", f"{app_id}:{line.row.row}")
            after: dict[str, Any] = {"state": state, "remedy": verdict.remedy, "note": note}
            after |= {} if requested is None else {"asked": dict(requested)}
            await audit(deps, tx, tenant_id, entry, before={"state": kept}, after=after)


def pause(row: str, state: str, attempts: int) -> int | None:
    """Seconds until the next check of the row; None: it is not checked automatically."""
    if state == "running":
        return CHECK_AGAIN_S[min(attempts, len(CHECK_AGAIN_S) - 1)]
    if state == "done" or row not in WATCHED or attempts >= WAITS_MAX:
        return None
    return WAITS_S[min(attempts, len(WAITS_S) - 1)]


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)
