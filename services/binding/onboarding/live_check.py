"""The live check of an app's keys. A key version is used only after one call to Alipay, signed with
it, has been answered, and the response was verified with that version's Alipay key alone.

One mechanism serves three rules. A new version replaces the old one only when it works. A key that
is not Alipay's never verifies a notice. An AppID belongs to the tenant that can prove it. The
attempt is committed before the call, and the call is made without an open transaction. An unknown
result leaves the version pending, and the worker repeats the check.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import queries
from services.binding.acting.rules import NotByActing
from services.binding.audit.record import PLATFORM_ACTOR
from services.binding.audit.repo import user_of
from services.binding.deps import Deps
from services.binding.keys import bound_apps
from services.binding.keys import repo as keys_repo
from services.binding.keys import versions as key_versions
from services.binding.models import App, AppKey
from services.binding.onboarding import repo
from services.binding.onboarding.checks import LIVE_CHECKED, WAIT_FOR_KEYS, not_there
from services.binding.onboarding.rules import CHECK_AGAIN_S
from services.binding.tenancy import repo as tenancy_repo
from shared.contracts.egress import EgressRequest
from shared.contracts.verdicts import Verdict
from shared.egress import EgressClient
from shared.errors import NotFound
from shared.ids import uuid7
from shared.telemetry import get_logger

GIVEN_UP = timedelta(days=7)
"""How long the worker repeats the check of a pending version. After that only the page's live
check, or a new binding, starts it again."""
WAIT_S = 6.0
"""How long a saving page waits for the result; if it takes longer, the worker goes on."""
DUE_MAX = 40
AT_ONCE = 4

log = get_logger("binding.live_check")


async def settle(
    deps: Deps, egress: EgressClient, tenant_id: UUID, app_id: str, *, actor: str
) -> None:
    """The check right after a binding, for at most WAIT_S. Its result does not make the binding
    itself fail."""
    bound = await bound_apps.own_app(deps, tenant_id, app_id)
    if not bound.keys[0].is_pending:
        return
    try:
        async with asyncio.timeout(WAIT_S):
            await check(deps, egress, tenant_id, app_id, actor=actor)
    except TimeoutError:
        log.info("live_check.slow", app_id=app_id)


async def check(
    deps: Deps, egress: EgressClient, tenant_id: UUID, app_id: str, *, actor: str
) -> Verdict:
    """Checks the newest version now; returns the verdict. A pending one that works takes over."""
    async with deps.db.tx(tenant_id) as tx:
        newest = (await keys_repo.app_keys(tx, tenant_id, app_id))[:1]
        if not newest:
            raise NotFound
        number = newest[0].key_version
        if newest[0].is_pending and newest[0].next_check_at is None:
            await _require_own(tx, tenant_id, actor)
        await _claim(deps, tx, tenant_id, app_id, number)
    return await _ask_alipay(deps, egress, (tenant_id, app_id, number), actor)


async def _require_own(tx: AsyncSession, tenant_id: UUID, actor: str) -> None:
    """NotByActing unless one of the merchant's own people requests a check of keys whose checks had
    been given up."""
    user_id = user_of(actor)
    if user_id is not None and await tenancy_repo.user(tx, tenant_id, user_id) is None:
        raise NotByActing


async def check_due(deps: Deps, egress: EgressClient) -> int:
    """One round over the versions whose check is due; returns the number of checks."""
    due = await keys_repo.app_keys_due(deps.db, deps.clock.now(), DUE_MAX)
    slots = asyncio.Semaphore(AT_ONCE)

    async def check_one(tenant_id: UUID, app_id: str, number: int) -> int:
        async with slots:
            try:
                async with deps.db.tx(tenant_id) as tx:
                    if not await _claim(deps, tx, tenant_id, app_id, number, is_due=True):
                        return 0
                await _ask_alipay(deps, egress, (tenant_id, app_id, number), PLATFORM_ACTOR)
            except Exception:
                # One broken row must not prevent the checks of the others.
                log.exception("live_check.broken", app_id=app_id, key_version=number)
            return 1

    return sum(await asyncio.gather(*(check_one(*row) for row in due)))


async def _claim(
    deps: Deps,
    tx: AsyncSession,
    tenant_id: UUID,
    app_id: str,
    number: int,
    *,
    is_due: bool = False,
) -> bool:
    """Stores the attempt and the time of the next one; False when no check is due."""
    now = deps.clock.now()
    key = await keys_repo.app_key_for_update(tx, tenant_id, app_id, number)
    if key is None or not key.is_pending:
        return False
    if is_due and (key.next_check_at is None or key.next_check_at > now):
        return False
    if key.next_check_at is None:
        key.check_attempts = 0  # given up before, and requested again
    pause = CHECK_AGAIN_S[min(key.check_attempts, len(CHECK_AGAIN_S) - 1)]
    key.check_attempts += 1
    is_over = is_due and now - key.created_at > GIVEN_UP
    key.next_check_at = None if is_over else now + timedelta(seconds=pause)
    return True


async def _ask_alipay(
    deps: Deps, egress: EgressClient, version: tuple[UUID, str, int], actor: str
) -> Verdict:
    tenant_id, app_id, number = version
    params = {"out_trade_no": uuid7(deps.clock).hex}
    request: EgressRequest = {"app_id": app_id, "key_version": number, "params": params}
    reply = await egress.check_key(tenant_id, request)
    verdict = not_there(reply)
    async with deps.db.tx(tenant_id) as tx:
        await queries.lock(tx, f"app:{app_id}")
        app = await keys_repo.app_for_update(tx, tenant_id, app_id)
        key = await keys_repo.app_key_for_update(tx, tenant_id, app_id, number)
        if app is not None and key is not None and key.is_pending:
            verdict = await _apply_verdict(deps, tx, app, key, verdict, actor)
    return verdict


async def _apply_verdict(
    deps: Deps, tx: AsyncSession, app: App, key: AppKey, verdict: Verdict, actor: str
) -> Verdict:
    key.checked_at = deps.clock.now()
    if verdict.state != "done":
        key.check_remedy = verdict.remedy
        return verdict
    if await key_versions.proven_owner(deps, app.app_id) not in (None, app.tenant_id):
        # Another tenant has proven the ownership first; people have to settle that.
        key.check_remedy, key.next_check_at = "app_bound_elsewhere", None
        return Verdict("failed", key.check_remedy)
    await key_versions.take_over(deps, tx, app, key, actor)
    # Earlier faults of the keys are deleted, and the rows that waited for keys become due.
    await repo.forget(tx, app.tenant_id, app.app_id, *LIVE_CHECKED)
    now = deps.clock.now()
    await repo.wake(tx, app.tenant_id, app.app_id, WAIT_FOR_KEYS, now, PLATFORM_ACTOR)
    return verdict
