"""The versions of an app's keys: a new one is pending, is used when it is verified, and then
published.

A version is pending until a live call under it has been verified (`live_check`). Then it takes
over. The version before it stays usable for a while (a day by default), for responses and
notifications that are under way. After that its private key is erased.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.audit.record import PLATFORM_ACTOR, audit
from services.binding.deps import Deps
from services.binding.keys import repo, rules
from services.binding.keys.chosen import Pair
from services.binding.models import App, AppKey
from services.binding.sealing import seal_row
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.binding import AppBound
from shared.keys.rsa_keys import fingerprint_of
from shared.keys.sealed import open_sealed

KEY_PURPOSE = "app-private-key"


def retire_at(hours: int | None, now: datetime) -> datetime:
    return now + (rules.RETIRED_KEY_GRACE if hours is None else timedelta(hours=hours))


async def add(
    deps: Deps,
    tx: AsyncSession,
    app: App,
    versions: Sequence[AppKey],
    pair: Pair,
    retire_after_h: int | None,
) -> None:
    """Adds a pending version, sealed for its own row. When only Alipay's key is new, the private
    key is sealed again, because a box opens for one version only."""
    now = deps.clock.now()
    number = versions[0].key_version + 1 if versions else 1
    aad = f"{app.tenant_id}|{app.app_id}|{KEY_PURPOSE}|{number}"
    pkcs8 = pair.pkcs8
    if pkcs8 is None:
        newest = versions[0]
        pkcs8 = open_sealed(deps.key_provider, newest.private_key_box or "", newest.private_key_aad)
    key = AppKey(
        tenant_id=app.tenant_id,
        app_id=app.app_id,
        key_version=number,
        private_key_box=await seal_row(deps, tx, app.tenant_id, KEY_PURPOSE, pkcs8, aad),
        private_key_aad=aad,
        created_at=now,
        next_check_at=now,
        retire_after_h=retire_after_h,
        **pair.columns(),
    )
    tx.add(key)
    await tx.flush()
    await repo.drop_pending_app_keys(tx, app.tenant_id, app.app_id, number, now)


async def proven_owner(deps: Deps, app_id: str) -> UUID | None:
    """The tenant that has proven to own the app. The caller holds the app's lock."""
    async with deps.db.read(None) as all_tenants:
        return await repo.app_owner(all_tenants, app_id)


async def take_over(deps: Deps, tx: AsyncSession, app: App, key: AppKey, actor: str) -> None:
    """Makes the version the one in use, and retires the version before it. The caller holds the
    app's lock and has verified a live call under it."""
    now = deps.clock.now()
    key.verified_at, key.next_check_at, key.check_remedy = now, None, None
    app.proven_at = app.proven_at or now
    await tx.flush()
    at = retire_at(key.retire_after_h, now)
    await repo.retire_app_keys(tx, app.tenant_id, app.app_id, key.key_version, at)
    await audit(
        deps, tx, app.tenant_id, (actor, "app.key_verified", app.app_id), after=facts(app, key)
    )
    await publish_bound(deps, tx, app, [key])


def facts(app: App, key: AppKey) -> dict[str, Any]:
    """The facts of a binding for the audit log: fingerprints, never keys."""
    return {
        "seller_id": app.seller_id,
        "enabled": app.is_enabled,
        "version": app.version,
        "key_version": key.key_version,
        "fingerprint": key.fingerprint,
        "alipay_fingerprint": fingerprint_of(key.alipay_public_key),
        "mode": key.mode,
        "app_cert_sn": key.app_cert_sn,
        "alipay_cert_sn": key.alipay_cert_sn,
        "service_provider_id": app.service_provider_id,
        "has_aes_key": app.aes_key_box is not None,
        "has_app_auth_token": app.app_auth_token_box is not None,
    }


async def publish_bound(deps: Deps, tx: AsyncSession, app: App, versions: Sequence[AppKey]) -> None:
    """Publishes app.bound for an app whose ownership is proven; until then it takes no payments."""
    in_use = next((key for key in versions if key.verified_at is not None), None)
    if app.proven_at is None or in_use is None:
        return
    event = AppBound(
        **stamp(app.tenant_id, deps.clock),
        app_id=app.app_id,
        seller_id=app.seller_id,
        notify_route=app.notify_route,
        key_version=in_use.key_version,
        enabled=app.is_enabled,
    )
    await outbox.add(tx, event)


async def erase_retired(deps: Deps, now: datetime) -> None:
    """Erases the private keys of retired versions, with an audit entry for each (S132)."""
    async with deps.db.read(None) as tx:
        tenants = await repo.tenants_with_retired_keys(tx, now)
    # One transaction for each merchant, so that no round waits for one audit chain while it holds
    # another.
    for tenant_id in tenants:
        async with deps.db.tx(tenant_id) as tx:
            for app_id, version in await repo.erase_retired_keys(tx, tenant_id, now):
                entry = (PLATFORM_ACTOR, "app.key_erased", app_id)
                await audit(deps, tx, tenant_id, entry, after={"key_version": version})
