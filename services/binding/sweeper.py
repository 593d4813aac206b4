"""The periodic jobs: deleting old rows, anchoring audit heads, live checks of pending keys, and
checking the progress of work at the open platform."""

from datetime import timedelta

from prometheus_client import Counter

from services.binding.acting import grants as acting_grants
from services.binding.audit import log as audit_log
from services.binding.deps import Deps
from services.binding.keys import generated as key_pairs
from services.binding.keys.versions import erase_retired
from services.binding.onboarding import live_check
from services.binding.onboarding import service as onboarding
from services.binding.onboarding.service import Onboarding
from services.binding.people import api_keys
from services.binding.settings import approvals
from services.binding.sign_in import repo as sign_in_repo
from shared import inbox
from shared.telemetry import get_logger
from shared.worker import Job, periodic

EVERY_S = 60.0
LOOK_EVERY_S = 2.0
CHECK_EVERY_S = 0.5
"""A command line that binds an app waits for the live check."""
ANCHOR_EVERY_S = 30.0
"""Entries after the last anchor could be cut off unnoticed by somebody who can also change the
head, so the interval is short."""
KEEP_ENDED_SESSIONS = timedelta(days=1)

log = get_logger("sweeper")
_not_anchored = Counter("binding_anchor_failures_total", "Rounds that could not write to the file")


def jobs(on: Onboarding) -> list[Job]:
    """What the worker does by the clock."""
    return [sweeping(on.deps), anchoring(on.deps), advancing(on), checking(on)]


def sweeping(deps: Deps) -> Job:
    async def once() -> None:
        await sweep(deps)
        await approvals.forget_changes(deps)
        await key_pairs.forget_expired(deps)
        await api_keys.revoke_orphaned(deps)
        await acting_grants.end_overdue(deps)

    return periodic(once, EVERY_S)


def anchoring(deps: Deps) -> Job:
    async def once() -> None:
        try:
            await audit_log.anchor_heads(deps)
        except OSError as error:
            # A full disk must not end the worker, and its events with it. The heads are anchored in
            # a later round, and until then verification reports what is anchored.
            _not_anchored.inc()
            log.exception("audit.not_anchored", error=type(error).__name__)

    return periodic(once, ANCHOR_EVERY_S)


def checking(on: Onboarding) -> Job:
    async def once() -> None:
        await live_check.check_due(on.deps, on.egress)

    return periodic(once, CHECK_EVERY_S)


def advancing(on: Onboarding) -> Job:
    async def once() -> None:
        await onboarding.advance(on)

    return periodic(once, LOOK_EVERY_S)


async def sweep(deps: Deps) -> None:
    """One round of deleting: ended sessions, old records of signing in, retired private keys."""
    now = deps.clock.now()
    await erase_retired(deps, now)
    await inbox.purge(deps.db)
    await deps.db.purge("sessions", "expires_at < $1", now - KEEP_ENDED_SESSIONS)
    await sign_in_repo.forget(deps.db, now)
