"""The use cases of onboarding: show the map, check a row, carry a row out, let a person mark it as
done, store the drafts of forms (S11-S17).

The open platform is called without an open transaction. The intent to carry a row out is committed
as `running` before the call, so that a row whose answer was lost is checked again.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import PLATFORM_ACTOR, actor_name_at, audit
from services.binding.config import BindingConfig
from services.binding.deps import Deps
from services.binding.keys.repo import app_by_tenant
from services.binding.models import Merchant
from services.binding.onboarding import live_check, releases, repo
from services.binding.onboarding.checks import (
    CARRIED_OUT,
    CHECKS,
    LIVE_CHECKED,
    RUNS,
    WATCHED,
    CheckContext,
)
from services.binding.onboarding.facts import facts_of
from services.binding.onboarding.map import (
    PUSHED,
    SETTLED,
    Line,
    Map,
    filled,
    is_installed,
    map_of,
    may_be_marked,
    unknown_fields,
)
from services.binding.onboarding.models import OnboardingDraft
from services.binding.onboarding.record import record
from services.binding.onboarding.releases import Requests
from services.binding.onboarding.rows import BY_ROW, LOOKED_AT, RELEASES
from services.binding.onboarding.rules import (
    NotDoneByHand,
    RowBlocked,
    RowFinished,
    RowNotRun,
    RowRunning,
)
from shared.client import ServiceClient
from shared.contracts.verdicts import Verdict
from shared.egress import EgressClient
from shared.errors import InvalidBody, NotFound
from shared.keys.tokens import TokenSigner
from shared.telemetry import get_logger

DUE_MAX = 20
PLATFORM_CALLS_MAX = 8
PLATFORM_WAIT_S = 20.0
LOOKS_MAX = 3
"""The most calls of the platform in one check of a row."""
PUT_OFF_S = 600
"""The pause after a check that failed, so that the row is not the next one again."""

log = get_logger("binding.onboarding")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of this installation that the open platform needs."""

    hosts: tuple[str, ...]
    template_id: str
    public_url: str


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The dependencies of the use cases."""

    deps: Deps
    egress: EgressClient
    settings: Settings


def build(config: BindingConfig, deps: Deps) -> Onboarding:
    """The same parts for the API and the worker."""
    egress = ServiceClient(
        config.egress_url,
        audience="egress",
        signer=TokenSigner.from_config("binding", config, deps.clock),
        pool=PLATFORM_CALLS_MAX,
        timeout_s=PLATFORM_WAIT_S,
    )
    own = urlsplit(config.public_url).hostname or ""
    hosts = [host.strip() for host in config.whitelist_hosts.split(",") if host.strip()]
    settings = Settings(tuple(hosts or [own]), config.mini_template_id, config.public_url)
    return Onboarding(deps, EgressClient(egress), settings)


async def show(on: Onboarding, tenant_id: UUID, app_id: str | None = None) -> Map:
    """The map of the given app, else of the newest one, else of an app that is not bound yet."""
    async with on.deps.db.read(tenant_id) as tx:
        app = (
            await app_by_tenant(tx, tenant_id, app_id)
            if app_id
            else await repo.newest_app(tx, tenant_id)
        )
        if app is None and app_id:
            raise NotFound
        merchant = await tx.get(Merchant, tenant_id)
        is_suspended = merchant is not None and merchant.suspended_at is not None
        suspended = [tenant_id] if is_suspended else []
        facts = (await facts_of(on.deps, tx, {tenant_id: app}, suspended))[tenant_id]
        found = map_of(facts, on.settings.hosts)
        takes_payments = found.is_ready or (
            facts.device is not None
            and not facts.is_suspended
            and await repo.has_selling_app(tx, tenant_id, facts.now)
        )
        drafts = await repo.drafts(tx, tenant_id, found.app_id)
        doers = {line.by: line.at for line in found.lines if line.by and line.at}
        names = {by: (await actor_name_at(tx, tenant_id, by, at))[0] for by, at in doers.items()}
    return replace(found, takes_payments=takes_payments, drafts=drafts, names=names)


async def check(on: Onboarding, tenant_id: UUID, row: str, app_id: str | None, actor: str) -> Map:
    """Checks whether the row is done."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    if row not in CHECKS and row not in LIVE_CHECKED | LOOKED_AT:
        raise NotDoneByHand(f"row {row} has nothing to look at")
    if row in LOOKED_AT and found.app_id:
        await _requests(on, tenant_id, found).look(line, actor, waits=True)
        return await _watched(on, tenant_id, app_id)
    verdict = _fail_if_not_taken(await _look(on, tenant_id, found, line, actor), line)
    await record(on.deps, tenant_id, found.app_id, line, verdict, actor, is_look=True)
    return await _watched(on, tenant_id, app_id)


async def _look(on: Onboarding, tenant_id: UUID, found: Map, line: Line, actor: str) -> Verdict:
    row = line.row.row
    if not found.app_id:
        return Verdict(None, "app_not_bound")
    if row in LIVE_CHECKED:
        return await probe_app(on, tenant_id, found.app_id, actor)
    return await CHECKS[row](await _context(on, tenant_id, found))


async def _watched(on: Onboarding, tenant_id: UUID, app_id: str | None) -> Map:
    """The present map. Rows that have become due are checked automatically from now on."""
    found = await show(on, tenant_id, app_id)
    looks = (WATCHED | LOOKED_AT) - LIVE_CHECKED
    turn = [
        line.row.row
        for line in found.lines
        if line.row.row in looks and line.state == "todo" and line.at is None
    ]
    if not found.app_id or not turn:
        return found
    async with on.deps.db.tx(tenant_id) as tx:
        now = on.deps.clock.now()
        await repo.wake(tx, tenant_id, found.app_id, turn, now, PLATFORM_ACTOR)
    return await show(on, tenant_id, app_id)


async def run(
    on: Onboarding,
    tenant_id: UUID,
    row: str,
    app_id: str | None,
    form: Mapping[str, Any],
    actor: str,
) -> Map:
    """Carries the row out over the open platform's API, or has the device service do it."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    if row not in RUNS and row not in RELEASES:
        raise RowNotRun(f"row {row} is not ours to carry out")
    if line.state == "blocked" or not found.app_id:
        raise RowBlocked(needs=list(line.row.needs))
    given = filled(line.row, form)
    if given:
        await keep_draft(on, tenant_id, row, app_id, form, actor)
    if row in RELEASES:
        await _requests(on, tenant_id, found).act(line, given, actor)
    else:
        await _carried_out(on, tenant_id, found, line, given, actor)
    return await _watched(on, tenant_id, app_id)


async def _carried_out(
    on: Onboarding,
    tenant_id: UUID,
    found: Map,
    line: Line,
    given: Mapping[str, Any],
    actor: str,
) -> None:
    """Carries the row out: the intent is committed before the call, and the result after it."""
    context = await _context(on, tenant_id, found)
    running = Verdict("running", evidence={**(line.evidence or {})})
    requested = {**given, "app_version": releases.version(found)}
    of = (on.deps, tenant_id, found.app_id, line)
    await record(*of, running, actor, requested=requested, is_start=True)
    verdict = _running_if_unknown(await RUNS[line.row.row](context, given), line)
    await record(*of, verdict, actor)


async def keep_draft(
    on: Onboarding,
    tenant_id: UUID,
    row: str,
    app_id: str | None,
    form: Mapping[str, Any],
    actor: str,
) -> None:
    """Stores the texts of a row's form, complete or not, as its next initial values."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    errors = unknown_fields(line.row, form)
    if errors or not line.row.form:
        raise InvalidBody(errors=errors or [{"pointer": "/form", "message": "没有表单 no form"}])
    typed = {
        field.name: str(form[field.name])[: field.max] for field in line.row.form
        if field.name in form
    }  # fmt: skip
    async with on.deps.db.tx(tenant_id) as tx:
        await repo.put_draft(
            tx,
            OnboardingDraft(
                tenant_id=tenant_id, app_id=found.app_id, row=row,
                form=typed, by=actor, at=on.deps.clock.now(),
            ),
        )  # fmt: skip


def _running_if_unknown(verdict: Verdict, before: Line) -> Verdict:
    """After a call of ours an unknown result leaves the row running, and it is checked again."""
    if verdict.state is not None:
        return verdict
    return Verdict("running", verdict.remedy, {**(before.evidence or {}), **verdict.evidence})


def _fail_if_not_taken(verdict: Verdict, before: Line) -> Verdict:
    """Failed for a row that was carried out and of which the platform has nothing. Otherwise the
    row would wait for a person as if it had never been carried out."""
    was_sent = before.kept == "running" and bool(before.row.form)
    if was_sent and verdict.state == "todo" and "share" not in verdict.evidence:
        return Verdict("failed", "not_taken", verdict.evidence)
    return verdict


async def mark_done(
    on: Onboarding, tenant_id: UUID, row: str, app_id: str | None, note: str, actor: str
) -> Map:
    """Marks a row as done by a person, where no API can show it or the API is not permitted."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    if not may_be_marked(line):
        if line.state == "blocked" and line.row.kind != "check":
            raise RowBlocked(needs=list(line.row.needs))
        raise NotDoneByHand(f"row {row} is looked at, not promised")
    verdict = Verdict("done", evidence={**(line.evidence or {}), "word": True})
    await record(
        on.deps, tenant_id, found.app_id, line, verdict, actor,
        note=note, request=_requests(on, tenant_id, found).forget(line, actor),
    )  # fmt: skip
    return await _watched(on, tenant_id, app_id)


async def reopen(on: Onboarding, tenant_id: UUID, row: str, app_id: str | None, actor: str) -> Map:
    """Deletes the stored state of a row. A push is only opened again after Alipay has answered, and
    before it is done: RowRunning, RowFinished."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    async with on.deps.db.tx(tenant_id) as tx:
        await repo.lock_row(tx, tenant_id, found.app_id, row)
        if row == PUSHED:
            await _check_push_is_open(tx, tenant_id, found, line)
        await repo.forget(tx, tenant_id, found.app_id, row)
        await releases.publish(tx, _requests(on, tenant_id, found).forget(line, actor))
        entry = (actor, "onboarding.reopen", f"{found.app_id}:{row}")
        await audit(on.deps, tx, tenant_id, entry, before={"state": line.state})
    return await show(on, tenant_id, app_id)


async def _check_push_is_open(tx: AsyncSession, tenant_id: UUID, found: Map, line: Line) -> None:
    """Looks at the row once more, under its lock: it may have ended, or been requested anew, since
    the map was read."""
    stored = (await repo.rows(tx, tenant_id, found.app_id)).get(PUSHED)
    state = stored.state if stored is not None else line.state
    if state in SETTLED or is_installed(found):
        raise RowFinished
    if stored is not None and stored.request_id is not None and stored.answer is None:
        raise RowRunning


async def advance(on: Onboarding) -> int:
    """One round over the due rows that run, wait or failed: each is checked. Returns their
    number."""
    looked = 0
    while looked < DUE_MAX and await repo.is_check_due(on.deps.db, on.deps.clock.now()):
        async with on.deps.db.tx(None) as tx:
            now = on.deps.clock.now()
            # One at a time, leased for longer than its check can take, so that no second worker
            # checks it meanwhile.
            due = await repo.claim_due(
                tx, now, now + timedelta(seconds=LOOKS_MAX * PLATFORM_WAIT_S)
            )
        if due is None:
            break
        looked += 1
        tenant_id, app_id, row = due
        try:
            await _advance_row(on, tenant_id, app_id, row)
        except Exception:
            # One broken row must not prevent the checks of the others.
            log.exception("onboarding.row_broken", app_id=app_id, row=row)
            later = on.deps.clock.now() + timedelta(seconds=PUT_OFF_S)
            async with on.deps.db.tx(tenant_id) as tx:
                await repo.look_again(tx, tenant_id, app_id, later, row)
    return looked


async def _advance_row(on: Onboarding, tenant_id: UUID, app_id: str, row: str) -> None:
    found = await show(on, tenant_id, app_id)
    line = found.line(row)
    if line.state in ("blocked", "skipped") and line.kept == "todo":
        # It is not due, or no longer needed. When it becomes due, it is checked again.
        async with on.deps.db.tx(tenant_id) as tx:
            await repo.forget(tx, tenant_id, app_id, row)
            forgotten = _requests(on, tenant_id, found).forget(line, PLATFORM_ACTOR)
            await releases.publish(tx, forgotten)
        return
    if row in LOOKED_AT:
        await _advance_release(on, tenant_id, found, line)
    elif row in CARRIED_OUT and line.kept == "todo":
        with suppress(RowRunning):  # a person has started it meanwhile
            await _carried_out(on, tenant_id, found, line, {}, PLATFORM_ACTOR)
    else:
        verdict = _fail_if_not_taken(await _look(on, tenant_id, found, line, PLATFORM_ACTOR), line)
        if line.kept == "running":
            verdict = _running_if_unknown(verdict, line)
        await record(on.deps, tenant_id, app_id, line, verdict, PLATFORM_ACTOR, is_look=True)
    await _watched(on, tenant_id, app_id)


async def _advance_release(on: Onboarding, tenant_id: UUID, found: Map, line: Line) -> None:
    """Requests a check of a row that became due or had no answer; the device service then goes on
    checking it. After an answer no check is needed here; the caller then looks for rows that have
    become due by it."""
    if line.is_answered:
        async with on.deps.db.tx(tenant_id) as tx:
            await repo.look_again(tx, tenant_id, found.app_id, None, line.row.row)
    else:
        await _requests(on, tenant_id, found).look(line, PLATFORM_ACTOR, waits=False)


def _requests(on: Onboarding, tenant_id: UUID, found: Map) -> Requests:
    settings = on.settings
    return Requests(on.deps, tenant_id, found, settings.template_id, settings.public_url)


async def probe_app(on: Onboarding, tenant_id: UUID, app_id: str, actor: str) -> Verdict:
    """The live check of a bound app's newest keys; it leaves the map as it is."""
    return await live_check.check(on.deps, on.egress, tenant_id, app_id, actor=actor)


async def _line_of(
    on: Onboarding, tenant_id: UUID, row: str, app_id: str | None
) -> tuple[Map, Line]:
    if row not in BY_ROW:
        raise NotFound
    found = await show(on, tenant_id, app_id)
    return found, found.line(row)


async def _context(on: Onboarding, tenant_id: UUID, found: Map) -> CheckContext:
    return CheckContext(
        egress=on.egress,
        clock=on.deps.clock,
        tenant_id=tenant_id,
        app_id=found.app_id,
        hosts=on.settings.hosts,
        evidence={line.row.row: line.evidence or {} for line in found.lines},
        has_device=found.line("5.2").state == "done",
        has_store=found.line("5.0").state == "done",
    )
