"""The use cases of onboarding: show the map, look whether a row is done, carry a row out, take a
person's word for it (S11-S17).

Asking the open platform happens with no transaction open: the intent to carry something out is
committed as `running` before the call, so that a row whose answer was lost is looked at again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import live_check, messages
from services.binding import onboarding_repo as repo
from services.binding.config import BindingConfig
from services.binding.domain import NotDoneByHand, RowBlocked, RowNotRun, RowRunning
from services.binding.models import AppMessage, OnboardingRow
from services.binding.onboarding_checks import CHECKS, LIVE_CHECKED, RUNS, Case, Verdict
from services.binding.onboarding_map import Line, Map, filled, map_of, may_be_marked
from services.binding.onboarding_rows import BY_ROW
from services.binding.platform import OpenPlatform
from services.binding.repo import app_by_tenant
from services.binding.service import PLATFORM_ACTOR, Deps, audit
from shared.errors import NotFound
from shared.telemetry import get_logger
from shared.tokens import TokenSigner

if TYPE_CHECKING:
    from shared.client import ServiceClient

CHECK_AGAIN_S = (2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
"""A running row is looked at after these, the last one for ever; a message hurries it."""
DUE_MAX = 20
PLATFORM_CALLS_MAX = 8
PLATFORM_WAIT_S = 20.0
LOOKS_MAX = 3
"""Calls of the platform in one look at a row, at most."""
DEVICE_ROW = "5.2"
HEARD = (
    "alipay.open.mini.version.audit.passed",
    "alipay.open.mini.version.audit.rejected",
    "alipay.open.mini.version.build.finished",
)
"""Messages after which a running row may have ended (alipay-iot.md §4)."""

log = get_logger("binding.onboarding")


@dataclass(frozen=True, slots=True)
class Settings:
    """What this installation tells the open platform about itself."""

    hosts: tuple[str, ...]
    template_id: str
    public_url: str


@dataclass(frozen=True, slots=True)
class Onboarding:
    """What the use cases stand on."""

    deps: Deps
    platform: OpenPlatform
    settings: Settings


def build(config: BindingConfig, deps: Deps) -> Onboarding:
    """The same parts for the API and the worker."""
    signer = TokenSigner.from_file("binding", config.service_key_file, deps.clock)

    def egress() -> "ServiceClient":
        from shared.client import ServiceClient

        return ServiceClient(
            config.egress_url, audience="egress", signer=signer,
            pool=PLATFORM_CALLS_MAX, timeout_s=PLATFORM_WAIT_S,
        )  # fmt: skip

    own = urlsplit(config.public_url).hostname or ""
    hosts = [host.strip() for host in config.whitelist_hosts.split(",") if host.strip()]
    settings = Settings(tuple(hosts or [own]), config.mini_template_id, config.public_url)
    return Onboarding(deps, OpenPlatform(egress), settings)


async def show(on: Onboarding, tenant_id: UUID, app_id: str | None = None) -> Map:
    """The map of the given app, of the newest one, or of the app to be."""
    async with on.deps.db.read(tenant_id) as tx:
        app = (
            await app_by_tenant(tx, tenant_id, app_id)
            if app_id
            else await repo.newest_app(tx, tenant_id)
        )
        if app is None and app_id:
            raise NotFound
        known = await repo.rows(tx, tenant_id, app.app_id if app else "")
        return map_of(app, known, on.settings.hosts)


async def check(on: Onboarding, tenant_id: UUID, row: str, app_id: str | None, actor: str) -> Map:
    """Looks whether the row is done."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    if row not in CHECKS and row not in LIVE_CHECKED:
        raise NotDoneByHand(f"row {row} has nothing to look at")
    if not found.app_id:
        verdict = Verdict(None, "app_not_bound")
    elif row in LIVE_CHECKED:
        verdict = await probe_app(on, tenant_id, found.app_id, actor)
    else:
        verdict = await CHECKS[row](await _case(on, tenant_id, found))
    await _record(on, tenant_id, found.app_id, line, verdict, actor)
    return await show(on, tenant_id, app_id)


async def run(
    on: Onboarding,
    tenant_id: UUID,
    row: str,
    app_id: str | None,
    form: Mapping[str, Any],
    actor: str,
) -> Map:
    """Carries the row out over the open platform's API."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    act = RUNS.get(row)
    if act is None:
        raise RowNotRun(f"row {row} is not ours to carry out")
    if line.state == "blocked" or not found.app_id:
        raise RowBlocked(needs=list(line.row.needs))
    given = filled(line.row, form)
    case = await _case(on, tenant_id, found)
    begun = Verdict("running", evidence={**(line.evidence or {})})
    await _record(
        on,
        tenant_id,
        found.app_id,
        line,
        begun,
        actor,
        is_start=True,
        asked={**given, "app_version": case.version},
    )
    verdict = await act(case, given)
    await _record(on, tenant_id, found.app_id, line, _settled(verdict, line), actor)
    return await show(on, tenant_id, app_id)


def _settled(verdict: Verdict, before: Line) -> Verdict:
    """After a call of ours "cannot tell" leaves the row running: it is looked at again."""
    if verdict.state is not None:
        return verdict
    return Verdict("running", verdict.remedy, {**(before.evidence or {}), **verdict.evidence})


async def mark_done(
    on: Onboarding, tenant_id: UUID, row: str, app_id: str | None, note: str, actor: str
) -> Map:
    """A person's word, for what no API tells; where one does, only when it does not permit us."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    if not may_be_marked(line):
        if line.state == "blocked" and line.row.kind != "check":
            raise RowBlocked(needs=list(line.row.needs))
        raise NotDoneByHand(f"row {row} is looked at, not promised")
    verdict = Verdict("done", evidence={**(line.evidence or {}), "word": True})
    await _record(on, tenant_id, found.app_id, line, verdict, actor, note=note)
    return await show(on, tenant_id, app_id)


async def reopen(on: Onboarding, tenant_id: UUID, row: str, app_id: str | None, actor: str) -> Map:
    """Forgets what was known of a row."""
    found, line = await _line_of(on, tenant_id, row, app_id)
    async with on.deps.db.tx(tenant_id) as tx:
        await repo.forget(tx, tenant_id, found.app_id, row)
        what = (actor, "onboarding.reopen", f"{found.app_id}:{row}")
        await audit(on.deps, tx, tenant_id, what, before={"state": line.state})
    return await show(on, tenant_id, app_id)


async def advance(on: Onboarding) -> int:
    """One round over the rows that run: each is looked at; how many were."""
    looked = 0
    while looked < DUE_MAX:
        async with on.deps.db.tx(None) as tx:
            now = on.deps.clock.now()
            # One at a time, for longer than its look can take: no second worker asks meanwhile.
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
            # One odd row must not keep the others from being looked at.
            log.exception("onboarding.row_broken", app_id=app_id, row=row)
            later = on.deps.clock.now() + timedelta(seconds=CHECK_AGAIN_S[-1])
            async with on.deps.db.tx(tenant_id) as tx:
                await repo.look_again(tx, tenant_id, app_id, later, row)
    return looked


async def _advance_row(on: Onboarding, tenant_id: UUID, app_id: str, row: str) -> None:
    found = await show(on, tenant_id, app_id)
    line = next(line for line in found.lines if line.row.row == row)
    verdict = await CHECKS[row](await _case(on, tenant_id, found))
    await _record(on, tenant_id, app_id, line, _settled(verdict, line), PLATFORM_ACTOR)


async def probe_app(on: Onboarding, tenant_id: UUID, app_id: str, actor: str) -> Verdict:
    """The live check of a bound app's newest keys; it leaves the map as it is."""
    return await live_check.check(on.deps, on.platform, tenant_id, app_id, actor=actor)


async def hear(deps: Deps, tx: AsyncSession, message: AppMessage) -> None:
    """A message of the open platform about the app: never believed, only a reason to look."""
    await repo.look_again(tx, message.tenant_id, message.app_id, deps.clock.now())


for _method in HEARD:
    messages.handlers.on(_method)(hear)


async def _line_of(
    on: Onboarding, tenant_id: UUID, row: str, app_id: str | None
) -> tuple[Map, Line]:
    if row not in BY_ROW:
        raise NotFound
    found = await show(on, tenant_id, app_id)
    return found, next(line for line in found.lines if line.row.row == row)


async def _case(on: Onboarding, tenant_id: UUID, found: Map) -> Case:
    device = next(line for line in found.lines if line.row.row == DEVICE_ROW)
    return Case(
        platform=on.platform,
        clock=on.deps.clock,
        tenant_id=tenant_id,
        app_id=found.app_id,
        hosts=on.settings.hosts,
        template_id=on.settings.template_id,
        package_ext={
            "app_id": found.app_id,
            "merchant_id": str(tenant_id),
            "api_base": on.settings.public_url,
        },
        evidence={line.row.row: line.evidence or {} for line in found.lines},
        has_device=device.state == "done",
    )


async def _record(
    on: Onboarding,
    tenant_id: UUID,
    app_id: str,
    line: Line,
    verdict: Verdict,
    actor: str,
    note: str | None = None,
    asked: Mapping[str, Any] | None = None,
    *,
    is_start: bool = False,
) -> None:
    """Writes what is known of the row now; a change of state is audited, and so is whatever was
    `asked` of the platform: which version was pushed to which device numbers (S132). `is_start`:
    only when it does not run already, else RowRunning."""
    now = on.deps.clock.now()
    before = line.state if line.state in ("running", "done", "failed") else "todo"
    state = verdict.state or before
    async with on.deps.db.tx(tenant_id) as tx:
        await repo.lock_row(tx, tenant_id, app_id, line.row.row)
        stored = (await repo.rows(tx, tenant_id, app_id)).get(line.row.row)
        if is_start and stored is not None and stored.state == "running":
            raise RowRunning
        same = stored is not None and stored.state == state
        attempts = stored.attempts + 1 if stored is not None and same else 0
        pause = CHECK_AGAIN_S[min(attempts, len(CHECK_AGAIN_S) - 1)]
        await repo.put(
            tx,
            OnboardingRow(
                tenant_id=tenant_id,
                app_id=app_id,
                row=line.row.row,
                state=state,
                remedy=verdict.remedy,
                evidence=dict(verdict.evidence or (stored.evidence if stored else {})),
                note=note or (stored.note if stored else None),
                by=actor,
                at=now,
                attempts=attempts,
                next_check_at=now + timedelta(seconds=pause) if state == "running" else None,
            ),
        )
        if asked is not None or (not same and not (stored is None and state == "todo")):
            what = (actor, f"onboarding.{state}", f"{app_id}:{line.row.row}")
            await audit(
                on.deps, tx, tenant_id, what,
                before={"state": stored.state if stored else "todo"},
                after={
                    "state": state, "remedy": verdict.remedy, "note": note,
                    **({} if asked is None else {"asked": dict(asked)}),
                },
            )  # fmt: skip
