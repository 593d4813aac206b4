"""The use cases of releases: store requests, carry them out or check the step, and check steps
automatically that run, wait or have failed.

Alipay is called with no transaction open. The start of an act is committed before its call. A
worker that takes over from a dead process does not repeat the act; it checks the step instead. A
push, which Alipay does not show, fails then with a remedy of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from services.device.deps import PLATFORM_WAIT_S, Deps
from services.device.releases import checks, repo
from services.device.releases.checks import CheckContext
from services.device.releases.models import AppRelease, ReleaseTask
from services.device.releases.repo import Name
from services.device.releases.rules import (
    PUSH,
    UPLOAD,
    UPLOADING,
    Known,
    after_act,
    after_look,
    is_outdated,
    pause,
    version_of,
)
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import ReleaseRequested
from shared.contracts.events.device import ReleaseChanged
from shared.contracts.verdicts import Verdict
from shared.db import is_connection_lost
from shared.errors import Unavailable
from shared.ids import uuid7
from shared.telemetry import get_logger

CALLS_MAX = 3
"""The most calls of the platform in one act or check."""
LEASE_S = CALLS_MAX * PLATFORM_WAIT_S + 5
"""Longer than an act or a check can take, so that no second worker does the same meanwhile."""
PUT_OFF_S = 600
"""The pause after a failure, so that the same request or step is not the next one again."""
DUE_MAX = 20
KEEP_DONE = timedelta(days=30)
PLATFORM_ACTOR = "platform"

log = get_logger("device.releases")


async def take_requests(
    deps: Deps, pg: "asyncpg.Connection[Any]", events: Sequence[ReleaseRequested]
) -> None:
    """Stores requests in the consumer's transaction; a request that is stored already is
    skipped."""
    await repo.put_tasks(pg, events, deps.clock.now())
    deps.release_requested.set()


async def work_off(deps: Deps) -> int:
    """Works on one request after the other until none is free; returns their number."""
    worked = 0
    while await repo.is_task_free(deps.db, deps.clock.now()):
        async with deps.db.tx(None) as tx:
            now = deps.clock.now()
            until = now + timedelta(seconds=LEASE_S)
            task = await repo.claim_task(tx, now, until, uuid7(deps.clock))
        if task is None:
            break
        worked += 1
        try:
            await _work_on(deps, task)
        except Exception as error:
            if isinstance(error, Unavailable) or is_connection_lost(error):
                raise
            # One broken request must not prevent the work on the others.
            log.exception("releases.task_broken", app_id=task.app_id, step=task.step)
            later = deps.clock.now() + timedelta(seconds=PUT_OFF_S)
            async with deps.db.tx(task.tenant_id) as tx:
                await repo.hold_task(tx, task, lease_until=later)
    return worked


async def _work_on(deps: Deps, task: ReleaseTask) -> None:
    request = ReleaseRequested.model_validate(task.content)
    name = task.tenant_id, task.app_id, task.step
    if task.kind == "forget":
        async with deps.db.tx(task.tenant_id) as tx:
            await repo.lock(tx, name)
            if await _finish(deps, tx, task):
                await repo.end_looks_before(tx, task)
                await repo.forget(tx, name)
        return
    is_first = task.started_at is None
    begun = await _begin(deps, task, request)
    if begun is None:
        return
    context = await _context(deps, begun, request)
    is_act = task.kind == "act" and is_first
    if is_act:
        verdict = await checks.ACTS[task.step](context, request.form)
    elif task.kind == "act" and task.step == PUSH:
        verdict = checks.lost_push(context, request.form)
    else:
        verdict = await _look(context, task.step)
    await _record(deps, begun, verdict, request.actor, task=task, is_act=is_act)


async def _begin(deps: Deps, task: ReleaseTask, request: ReleaseRequested) -> AppRelease | None:
    """Commits the start of the request, and the step's state at that time. None when another worker
    has taken the request over."""
    name = task.tenant_id, task.app_id, task.step
    async with deps.db.tx(task.tenant_id) as tx:
        await repo.lock(tx, name)
        now = deps.clock.now()
        if not await repo.hold_task(tx, task, started_at=task.started_at or now):
            return None
        if task.kind == "act":
            await repo.end_looks_before(tx, task)
        stored = await repo.release(tx, name)
        known = _known(stored) if stored else Known(request.state, request.remedy, request.evidence)
        if task.kind == "act":
            version = await _uploaded(tx, name) or request.app_version
            evidence = {} if is_outdated(task.step, known, version) else known.evidence
            if task.step == UPLOAD:
                evidence = {**evidence, UPLOADING: str(request.form.get("app_version", ""))}
            known = Known("running", None, evidence)
        known = replace(known, attempts=0)  # a request starts the checks again
        await repo.put(
            tx,
            name,
            {
                "version": request.app_version,
                **_columns(known),
                "request_id": task.request_id,
                "number": stored.number if stored else 0,
                "at": now,
                "next_look_at": None,
            },
        )
        found = await repo.release(tx, name)
    return found


async def look_round(deps: Deps) -> int:
    """One round over the steps that are due; returns the number of checked ones."""
    looked = 0
    while looked < DUE_MAX and await repo.is_look_due(deps.db, deps.clock.now()):
        async with deps.db.tx(None) as tx:
            now = deps.clock.now()
            due = await repo.claim_due(tx, now, now + timedelta(seconds=LEASE_S))
        if due is None:
            break
        looked += 1
        try:
            verdict = await _look(await _context(deps, due, None), due.step)
            await _record(deps, due, verdict, PLATFORM_ACTOR)
        except Exception as error:
            if isinstance(error, Unavailable) or is_connection_lost(error):
                raise
            # One broken step must not prevent the checks of the others.
            log.exception("releases.step_broken", app_id=due.app_id, step=due.step)
            later = deps.clock.now() + timedelta(seconds=PUT_OFF_S)
            async with deps.db.tx(due.tenant_id) as tx:
                await repo.look_at(tx, due.tenant_id, due.app_id, later, due.step)
    return looked


async def _look(context: CheckContext, step: str) -> Verdict:
    check = checks.LOOKS.get(step)
    return await check(context) if check is not None else Verdict(None)


async def _context(deps: Deps, seen: AppRelease, request: ReleaseRequested | None) -> CheckContext:
    if deps.egress is None:
        raise RuntimeError("this process calls no platform")
    async with deps.db.read(seen.tenant_id) as tx:
        uploaded = await _uploaded(tx, _key_of(seen))
    return CheckContext(
        egress=deps.egress,
        tenant_id=seen.tenant_id,
        app_id=seen.app_id,
        version=uploaded or seen.version,
        template_id=request.template_id if request else "",
        ext=request.ext if request else "",
        evidence=seen.evidence,
    )


async def _uploaded(tx: AsyncSession, name: Name) -> str:
    """The version that was uploaded or found at Alipay; empty if none is known here."""
    upload = await repo.release(tx, (name[0], name[1], UPLOAD))
    return version_of(upload.evidence) if upload else ""


async def _record(
    deps: Deps,
    seen: AppRelease,
    verdict: Verdict,
    actor: str,
    *,
    task: ReleaseTask | None = None,
    is_act: bool = False,
) -> None:
    """Stores the present state of the step and publishes it: the result of a request always, that
    of an automatic check only if it changed something. The result of a check is dropped if
    meanwhile a newer request was started, or the step started or stopped running."""
    name = _key_of(seen)
    async with deps.db.tx(seen.tenant_id) as tx:
        await repo.lock(tx, name)
        if task is not None and not await _finish(deps, tx, task):
            return
        stored = await repo.release(tx, name)
        if stored is None or stored.request_id != seen.request_id:
            return
        before = _known(stored)
        is_overtaken = before.state != seen.state and "running" in (before.state, seen.state)
        now = before
        if is_act:
            now = after_act(before, verdict)
        elif not is_overtaken:
            version = await _uploaded(tx, name) or stored.version
            now = after_look(None if is_outdated(seen.step, before, version) else before, verdict)
        is_news = (now.state, now.remedy, now.evidence) != (
            before.state, before.remedy, before.evidence,
        )  # fmt: skip
        is_published = task is not None or is_news
        at, seconds = deps.clock.now(), pause(seen.step, now)
        number = stored.number + 1 if is_published else stored.number
        next_look_at = None if seconds is None else at + timedelta(seconds=seconds)
        changes = {**_columns(now), "number": number, "at": at, "next_look_at": next_look_at}
        await repo.put(
            tx, name, {"version": stored.version, "request_id": stored.request_id, **changes}
        )
        if is_published:
            await outbox.add(tx, _changed(deps, seen, now, number, actor))


async def _finish(deps: Deps, tx: AsyncSession, task: ReleaseTask) -> bool:
    return await repo.hold_task(tx, task, done_at=deps.clock.now())


def _changed(deps: Deps, seen: AppRelease, now: Known, number: int, actor: str) -> ReleaseChanged:
    return ReleaseChanged(
        **stamp(seen.tenant_id, deps.clock),
        app_id=seen.app_id,
        step=cast(Any, seen.step),
        request_id=seen.request_id,
        number=number,
        state=cast(Any, now.state),
        remedy=now.remedy,
        evidence=dict(now.evidence),
        actor=actor,
    )


def _key_of(seen: AppRelease) -> Name:
    return seen.tenant_id, seen.app_id, seen.step


def _known(stored: AppRelease) -> Known:
    return Known(stored.state, stored.remedy, stored.evidence, stored.attempts)


def _columns(known: Known) -> dict[str, Any]:
    return {
        "state": known.state,
        "remedy": known.remedy,
        "evidence": dict(known.evidence),
        "attempts": known.attempts,
    }


async def forget_done(deps: Deps) -> None:
    """Deletes requests that were done long ago; the inbox skips one that is delivered again."""
    await deps.db.purge("release_tasks", "done_at < $1", deps.clock.now() - KEEP_DONE)
