"""Reading bound apps: for their merchant, for the gateway, and for the live check."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.binding.deps import Deps
from services.binding.keys import repo, rules
from services.binding.models import App, AppKey
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class BoundApp:
    """An app with its key versions, newest first."""

    app: App
    keys: Sequence[AppKey]


async def list_apps(deps: Deps, tenant_id: UUID) -> list[BoundApp]:
    async with deps.db.read(tenant_id) as tx:
        return [
            BoundApp(app, await repo.app_keys(tx, tenant_id, app.app_id))
            for app in await repo.apps(tx, tenant_id)
        ]


async def own_app(deps: Deps, tenant_id: UUID, app_id: str) -> BoundApp:
    """One app of the merchant. NotFound for another merchant's app."""
    async with deps.db.read(tenant_id) as tx:
        app = await repo.app_by_tenant(tx, tenant_id, app_id)
        if app is None:
            raise NotFound
        return BoundApp(app, await repo.app_keys(tx, tenant_id, app_id))


async def find_app(deps: Deps, *, app_id: str = "", notify_route: str = "") -> BoundApp:
    """For the gateway: the app with its usable key versions, which are verified and not expired."""
    now = deps.clock.now()
    async with deps.db.read(None) as tx:
        if app_id:
            app = await repo.app_by_id(tx, app_id) if rules.is_app_id(app_id) else None
        else:
            is_ours = rules.is_notify_route(notify_route)
            app = await repo.app_by_route(tx, notify_route) if is_ours else None
        if app is None:
            raise NotFound
        versions = await repo.app_keys(tx, app.tenant_id, app.app_id)
    usable = [
        key
        for key in versions
        if key.verified_at is not None
        and key.private_key_box is not None
        and (key.not_after is None or now < key.not_after)
    ]
    return BoundApp(app, usable)


async def find_version(deps: Deps, tenant_id: UUID, app_id: str, key_version: int) -> BoundApp:
    """For the egress's live check: only this version, pending or not."""
    async with deps.db.read(tenant_id) as tx:
        app = await repo.app_by_tenant(tx, tenant_id, app_id)
        versions = await repo.app_keys(tx, tenant_id, app_id)
    wanted = [
        key
        for key in versions
        if key.key_version == key_version and key.private_key_box is not None
    ]
    if app is None or not wanted:
        raise NotFound
    return BoundApp(app, wanted)
