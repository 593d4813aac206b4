"""Approvals by a second person. Where a merchant requires them (`dual_control`), a change of the
payee, of the keys, of the switch for sales or of this rule itself waits until somebody else
approves it (ASVS 2.3.5). An operator who acts for the merchant neither requests nor decides one.

The change is tried first and rolled back, so only valid changes wait. Then all of it is sealed,
like a key, and it is erased as soon as it is decided. An approval carries the change out as if it
were requested now, in the transaction that decides. If the app was changed meanwhile, that fails
(binding.stale_version). Of several decisions at the same time, one takes effect.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import PLATFORM_ACTOR, audit
from services.binding.deps import Deps
from services.binding.keys import apps
from services.binding.keys.apps import AppChange
from services.binding.keys.bound_apps import BoundApp
from services.binding.keys.chosen import GivenKeys
from services.binding.models import AppChangeRequest, Merchant
from services.binding.sealing import seal_secret
from services.binding.settings import repo
from services.binding.settings.rules import ChangeDecided, TooManyChanges
from services.binding.tenancy import approvers, authorization, merchants
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy.merchants import MerchantChange
from services.binding.tenancy.rules import ApprovalNeeded, OwnChange
from shared.errors import NotFound
from shared.ids import uuid7
from shared.keys.sealed import open_sealed

PURPOSE = "app-change"
PERMISSION = "apps.approve"
KEPT = timedelta(days=7)
WAITING_MAX = 100
"""How many changes of a merchant may wait at a time. As many are listed, so the list has all that
can be approved."""
Kind = Literal["app", "merchant"]
REQUESTING: dict[Kind, str] = {"app": "apps.write", "merchant": "merchant.write"}
"""The permission that the requester of a change must still have when it is stored."""
CarryOut = Callable[[AsyncSession], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Requester:
    """Who requests a change, and the actor's name in the audit log."""

    user_id: UUID
    actor: str


async def bind_or_request(
    deps: Deps, tenant_id: UUID, change: AppChange, requester: Requester
) -> BoundApp | AppChangeRequest:
    """Binds the app at once, or stores the change for somebody else's approval."""
    try:
        return await apps.bind_app(
            deps, tenant_id, change, actor=requester.actor, is_approved=False
        )
    except ApprovalNeeded:
        return await _store_request(deps, tenant_id, "app", change, _summary(change), requester)


async def change_merchant_or_request(
    deps: Deps, tenant_id: UUID, change: MerchantChange, requester: Requester
) -> Merchant | AppChangeRequest:
    try:
        return await merchants.change_merchant(
            deps, tenant_id, change, actor=requester.actor, is_approved=False
        )
    except ApprovalNeeded:
        summary = {**change.values, "changes": []}
        return await _store_request(deps, tenant_id, "merchant", change, summary, requester)


async def _store_request(
    deps: Deps,
    tenant_id: UUID,
    kind: Kind,
    change: AppChange | MerchantChange,
    summary: dict[str, Any],
    requester: Requester,
) -> AppChangeRequest:
    now = deps.clock.now()
    change_id = uuid7(deps.clock)
    content = orjson.dumps(asdict(change))
    async with deps.db.tx(tenant_id) as tx:
        # Its lock also serialises requests that come at the same time, so that the limit holds.
        await authorization.require(tx, tenant_id, requester.user_id, REQUESTING[kind])
        if await repo.waiting(tx, tenant_id) >= WAITING_MAX:
            raise TooManyChanges
        box, aad = await seal_secret(deps, tx, tenant_id, PURPOSE, content, f"change|{change_id}")
        row = AppChangeRequest(
            tenant_id=tenant_id,
            change_id=change_id,
            kind=kind,
            app_id=change.app_id if isinstance(change, AppChange) else "",
            state="waiting",
            content_box=box,
            content_aad=aad,
            summary=summary,
            asked_by=requester.user_id,
            asked_at=now,
            expires_at=now + KEPT,
        )
        tx.add(row)
        entry = (requester.actor, f"{kind}.change_ask", row.app_id or str(tenant_id))
        await audit(deps, tx, tenant_id, entry, after={"change_id": str(change_id), **summary})
    return row


def _summary(change: AppChange) -> dict[str, Any]:
    """What the approver sees of a change: which secrets change, never their text."""
    given = change.given
    texts = {
        "app_private_key": given.private_key_text,
        "alipay_public_key": given.alipay_key_text,
        "certificates": next((text for text in given.certificate_texts if text is not None), None),
        "aes_key": change.aes_key_text,
        "app_auth_token": change.app_auth_token,
    }
    return {
        "version": change.version,
        "enabled": change.is_enabled,
        "seller_id": change.seller_id,
        "service_provider_id": change.service_provider_id,
        "mode": given.mode,
        "retire_after_h": change.retire_after_h,
        "changes": [name for name, text in texts.items() if text is not None],
    }


async def list_changes(deps: Deps, tenant_id: UUID) -> Sequence[AppChangeRequest]:
    """Up to a hundred: changes that wait, then decided ones, each newest first."""
    async with deps.db.read(tenant_id) as tx:
        return await repo.changes(tx, tenant_id, WAITING_MAX)


async def approve(
    deps: Deps, tenant_id: UUID, change_id: UUID, *, user_id: UUID, actor: str
) -> AppChangeRequest:
    """Approves a change and carries it out. Raises OwnChange for its requester, ChangeDecided, and
    NotYetApprover."""
    async with deps.db.read(tenant_id) as tx:
        row = await _waiting(deps, tx, tenant_id, change_id)
        if row.asked_by == user_id:
            raise OwnChange
    carry_out = await _prepared(deps, row, actor)
    async with deps.db.tx(tenant_id) as tx:
        row = await _waiting(deps, tx, tenant_id, change_id, is_locked=True)
        approver = await approvers.locked(tx, tenant_id, user_id, PERMISSION)
        approvers.require_settled(deps, approver)
        # The requester is read without a lock: an approval locks one account only, so that two
        # approvals cannot deadlock.
        approvers.require_settled(deps, await tenancy_repo.user(tx, tenant_id, row.asked_by))
        await carry_out(tx)
        await _decide(deps, tx, row, "approved", user_id=user_id, actor=actor)
    return row


async def reject(
    deps: Deps,
    tenant_id: UUID,
    change_id: UUID,
    *,
    user_id: UUID,
    actor: str,
) -> None:
    """Rejects the change; its requester may do that, too."""
    async with deps.db.tx(tenant_id) as tx:
        row = await _waiting(deps, tx, tenant_id, change_id, is_locked=True)
        await _decide(deps, tx, row, "rejected", user_id=user_id, actor=actor)


async def _decide(
    deps: Deps,
    tx: AsyncSession,
    row: AppChangeRequest,
    state: str,
    *,
    user_id: UUID,
    actor: str,
) -> None:
    row.state, row.content_box = state, None
    row.decided_by, row.decided_at = user_id, deps.clock.now()
    entry = (actor, f"{row.kind}.change_{state}", row.app_id or str(row.tenant_id))
    after = {"change_id": str(row.change_id), "asked_by": str(row.asked_by)}
    await audit(deps, tx, row.tenant_id, entry, after=after)


async def _waiting(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, change_id: UUID, *, is_locked: bool = False
) -> AppChangeRequest:
    row = await repo.change(tx, tenant_id, change_id, is_locked=is_locked)
    if row is None:
        raise NotFound
    if row.state != "waiting" or row.expires_at <= deps.clock.now():
        raise ChangeDecided
    return row


async def _prepared(deps: Deps, row: AppChangeRequest, actor: str) -> CarryOut:
    """The function that carries the change out. Its content is opened and read here, before the
    transaction that decides."""
    content = open_sealed(deps.key_provider, row.content_box or "", row.content_aad)
    change, tenant_id = change_of(row.kind, content), row.tenant_id
    if isinstance(change, MerchantChange):
        return lambda tx: merchants.put_merchant(
            deps, tx, tenant_id, change, actor, is_approved=True
        )
    read = await apps.read_change(deps, change)
    return lambda tx: apps.bind(deps, tx, tenant_id, change, read, actor, is_approved=True)


def change_of(kind: str, content: bytes) -> AppChange | MerchantChange:
    """The change in the document that `_store_request` stored, also before an update: a member of
    these classes keeps its name, and a new one has a default."""
    members = orjson.loads(content)
    if kind == "merchant":
        return MerchantChange(**members)
    pair_id = members.pop("key_pair_id", None)
    given = GivenKeys(**members.pop("given"))
    return AppChange(**members, given=given, key_pair_id=UUID(pair_id) if pair_id else None)


async def forget_changes(deps: Deps) -> None:
    """Rejects changes that nobody decided before they expired, and erases their content."""
    now = deps.clock.now()
    async with deps.db.read(None) as tx:
        found = await repo.tenants_with_overdue(tx, now)
    # One transaction for each merchant, so that no round waits for one audit chain while it holds
    # another.
    for tenant_id in found:
        async with deps.db.tx(tenant_id) as tx:
            for row in await repo.overdue(tx, tenant_id, now):
                row.state, row.content_box, row.decided_at = "rejected", None, now
                entry = (PLATFORM_ACTOR, f"{row.kind}.change_expired", row.app_id or str(tenant_id))
                after = {"change_id": str(row.change_id), "asked_by": str(row.asked_by)}
                await audit(deps, tx, tenant_id, entry, after=after)
