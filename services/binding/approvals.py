"""The second pair of eyes: where a merchant asks for it (`dual_control`), a change of keys waits
until somebody else approves it (ASVS 2.3.5).

The wanted change is rehearsed first, so that what waits is known to be good; then it is sealed
whole, like any key, and erased as soon as it is decided. Approving carries it out as if it were
asked for now: an app that was changed meanwhile refuses it (binding.stale_version).
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.binding import apps, repo
from services.binding.apps import AppChange, BoundApp
from services.binding.domain import ChangeDecided, OwnChange
from services.binding.models import AppChangeRequest
from services.binding.pairs import GivenKeys
from services.binding.sealing import seal_secret
from services.binding.service import Deps, audit
from shared.errors import NotFound
from shared.ids import uuid7
from shared.sealed import open_sealed

PURPOSE = "app-change"
KEPT = timedelta(days=7)


async def bind_or_ask(
    deps: Deps, tenant_id: UUID, change: AppChange, *, user_id: UUID, actor: str
) -> BoundApp | AppChangeRequest:
    """Binds at once, or files the change for somebody else's approval."""
    if not change.has_keys or not await _is_dual(deps, tenant_id):
        return await apps.bind_app(deps, tenant_id, change, actor=actor)
    await apps.rehearse(deps, tenant_id, change, actor=actor)
    now = deps.clock.now()
    change_id = uuid7(deps.clock)
    content = orjson.dumps(asdict(change))
    async with deps.db.tx(tenant_id) as tx:
        box, aad = await seal_secret(deps, tx, tenant_id, PURPOSE, content, f"change|{change_id}")
        row = AppChangeRequest(
            tenant_id=tenant_id,
            change_id=change_id,
            app_id=change.app_id,
            state="waiting",
            content_box=box,
            content_aad=aad,
            summary=_summary(change),
            asked_by=user_id,
            asked_at=now,
            expires_at=now + KEPT,
        )
        tx.add(row)
        what = (actor, "app.change_ask", change.app_id)
        await audit(deps, tx, tenant_id, what, after={"change_id": str(change_id), **row.summary})
    return row


async def _is_dual(deps: Deps, tenant_id: UUID) -> bool:
    async with deps.db.read(tenant_id) as tx:
        merchant = await repo.merchant(tx, tenant_id)
    return merchant is not None and merchant.dual_control


def _summary(change: AppChange) -> dict[str, Any]:
    """What a second person is shown: which secrets change, never their text."""
    given = change.given
    texts = {
        "app_private_key": given.private_key_text,
        "alipay_public_key": given.alipay_key_text,
        "certificates": given.app_cert_text,
        "aes_key": change.aes_key_text,
        "app_auth_token": change.app_auth_token,
    }
    return {
        "version": change.version,
        "enabled": change.is_enabled,
        "seller_id": change.seller_id,
        "mode": given.mode,
        "retire_after_h": change.retire_after_h,
        "changes": [name for name, text in texts.items() if text is not None],
    }


async def list_changes(deps: Deps, tenant_id: UUID) -> Sequence[AppChangeRequest]:
    """Newest first, the last hundred."""
    query = (
        select(AppChangeRequest)
        .where(AppChangeRequest.tenant_id == tenant_id)
        .order_by(AppChangeRequest.asked_at.desc())
        .limit(100)
    )
    async with deps.db.read(tenant_id) as tx:
        return (await tx.scalars(query)).all()


async def approve(
    deps: Deps, tenant_id: UUID, change_id: UUID, *, user_id: UUID, actor: str
) -> BoundApp:
    """Carries the change out; whoever asked for it cannot approve it."""
    async with deps.db.tx(tenant_id) as tx:
        row = await _waiting(deps, tx, tenant_id, change_id)
        if row.asked_by == user_id:
            raise OwnChange
        change = _opened(deps, row)
    bound = await apps.bind_app(deps, tenant_id, change, actor=actor)
    # Binding the same content twice changes nothing: a crash here is healed by approving again.
    await _decide(deps, tenant_id, change_id, "approved", user_id=user_id, actor=actor)
    return bound


async def reject(
    deps: Deps, tenant_id: UUID, change_id: UUID, *, user_id: UUID, actor: str
) -> None:
    """Drops the change; its own author may do that, too."""
    await _decide(deps, tenant_id, change_id, "rejected", user_id=user_id, actor=actor)


async def _decide(
    deps: Deps, tenant_id: UUID, change_id: UUID, state: str, *, user_id: UUID, actor: str
) -> None:
    async with deps.db.tx(tenant_id) as tx:
        row = await _waiting(deps, tx, tenant_id, change_id)
        row.state, row.content_box = state, None
        row.decided_by, row.decided_at = user_id, deps.clock.now()
        what = (actor, f"app.change_{state}", row.app_id)
        after = {"change_id": str(change_id), "asked_by": str(row.asked_by)}
        await audit(deps, tx, tenant_id, what, after=after)


async def _waiting(
    deps: Deps, tx: AsyncSession, tenant_id: UUID, change_id: UUID
) -> AppChangeRequest:
    query = select(AppChangeRequest).where(
        AppChangeRequest.tenant_id == tenant_id, AppChangeRequest.change_id == change_id
    )
    row = await tx.scalar(query.with_for_update())
    if row is None:
        raise NotFound
    if row.state != "waiting" or row.expires_at <= deps.clock.now():
        raise ChangeDecided
    return row


def _opened(deps: Deps, row: AppChangeRequest) -> AppChange:
    content = orjson.loads(open_sealed(deps.key_provider, row.content_box or "", row.content_aad))
    return AppChange(**{**content, "given": GivenKeys(**content["given"])})


async def forget_changes(deps: Deps) -> None:
    """What nobody decided in time is rejected by time, its content erased."""
    now = deps.clock.now()
    async with deps.db.tx(None) as tx:
        query = select(AppChangeRequest).where(
            AppChangeRequest.state == "waiting", AppChangeRequest.expires_at <= now
        )
        for row in (await tx.scalars(query.limit(100).with_for_update(skip_locked=True))).all():
            row.state, row.content_box, row.decided_at = "rejected", None, now
