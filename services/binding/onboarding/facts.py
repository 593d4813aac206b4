"""Collects the facts from which the onboarding map is derived, for one or many merchants."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.binding.deps import Deps
from services.binding.models import App
from services.binding.onboarding import repo
from services.binding.onboarding.map import Facts
from services.binding.onboarding.models import TERMINAL, KnownDevice, OnboardingRow


async def facts_of(
    deps: Deps,
    tx: AsyncSession,
    apps: Mapping[UUID, App | None],
    suspended: Collection[UUID] = (),
) -> dict[UUID, Facts]:
    """The facts by tenant, each for the given app; `suspended` merchants take no payments."""
    tenants = list(apps)
    stored = await repo.rows_of(tx, tenants)
    keys = await repo.keys_of(tx, tenants)
    stores = await repo.with_stores(tx, tenants)
    devices = await repo.devices(tx, tenants, with_test_cashiers=deps.is_sandbox)
    now = deps.clock.now()
    found = {}
    for tenant_id, app in apps.items():
        app_id = app.app_id if app is not None else ""
        known = repo.of_app(stored.get(tenant_id, ()), app_id)
        has_events = tenant_id in devices
        found[tenant_id] = Facts(
            app=app,
            keys=keys.get((tenant_id, app_id), ()),
            known=known,
            has_store=tenant_id in stores,
            device=devices[tenant_id] if has_events else _seen_before(known.get("5.2")),
            now=now,
            is_suspended=tenant_id in suspended,
        )
    return found


def _seen_before(row: OnboardingRow | None) -> KnownDevice | None:
    """The device of a completed row 5.2, from before devices were stored one by one. It is used
    until the device service has published the merchant's devices."""
    if row is None or row.state != "done":
        return None
    sn = str(row.evidence.get("sn", ""))
    return KnownDevice(tenant_id=row.tenant_id, sn=sn, kind=TERMINAL, enrolled_at=row.at, at=row.at)
