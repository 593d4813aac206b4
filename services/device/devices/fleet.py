"""The use cases of a merchant's devices: list, rename, move, revoke, record sightings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.device.deps import Deps
from services.device.devices import repo, rules
from services.device.devices.repo import Filter
from services.device.devices.rules import Status
from services.device.devices.service import audit_event
from services.device.models import Device
from shared import outbox
from shared.contracts.events.base import stamp
from shared.contracts.events.device import DeviceMoved, DeviceRevoked
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """The new name and store of a device, based on that version; None: unchanged. An empty name
    removes the name."""

    name: str | None
    store_id: UUID | None
    version: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """The edge accepted a signature of that device at that time."""

    tenant_id: UUID
    device_id: UUID
    at: datetime


async def list_devices(
    deps: Deps, tenant_id: UUID, narrowed: Filter, *, page: int, page_size: int
) -> tuple[list[tuple[Device, str]], int]:
    async with deps.db.read(tenant_id) as tx:
        return await repo.devices(tx, tenant_id, narrowed, page=page, page_size=page_size)


async def get_device(deps: Deps, tenant_id: UUID, device_id: UUID) -> tuple[Device, str]:
    """A device of that tenant with its store's name."""
    async with deps.db.read(tenant_id) as tx:
        return await _device_and_store(tx, tenant_id, device_id)


async def _device_and_store(
    tx: AsyncSession, tenant_id: UUID, device_id: UUID
) -> tuple[Device, str]:
    device = await repo.device(tx, tenant_id, device_id)
    store = await repo.store(tx, tenant_id, device.store_id) if device else None
    if device is None or store is None:
        raise NotFound
    return device, store.name


async def get_own(deps: Deps, tenant_id: UUID, device_id: UUID) -> Device:
    """The device that asks about itself."""
    async with deps.db.read(tenant_id) as tx:
        device = await repo.device(tx, tenant_id, device_id)
    if device is None:
        raise NotFound
    return device


async def change_device(
    deps: Deps, tenant_id: UUID, device_id: UUID, change: DeviceChange, *, actor: str
) -> tuple[Device, str]:
    """Renames or moves a device; a repeated call changes nothing. A move applies to new payments;
    payments under way keep their store. Raises UnknownStore, StaleVersion, DeviceIsRevoked."""
    async with deps.db.tx(tenant_id) as tx:
        device = await repo.device(tx, tenant_id, device_id, for_update=True)
        if device is None:
            raise NotFound
        if device.status == Status.REVOKED:
            raise rules.DeviceIsRevoked
        wanted: dict[str, Any] = {}
        if change.name is not None and (change.name or None) != device.name:
            wanted["name"] = change.name or None
        if change.store_id is not None and change.store_id != device.store_id:
            wanted["store_id"] = change.store_id
        if not wanted:
            return await _device_and_store(tx, tenant_id, device_id)
        if change.version != device.version:
            raise rules.StaleVersion(current_version=device.version)
        if "store_id" in wanted:
            await _move(deps, tx, device, wanted["store_id"], actor)
        if "name" in wanted:
            before, device.name = device.name, wanted["name"]
            operation = (actor, "device.rename", device_id)
            names = ({"name": device.name, "sn": device.sn}, {"name": before})
            await outbox.add(tx, audit_event(deps, tenant_id, operation, *names))
        device.version += 1
        await tx.flush()
        return await _device_and_store(tx, tenant_id, device_id)


async def _move(deps: Deps, tx: AsyncSession, device: Device, store_id: UUID, actor: str) -> None:
    """Moves the device; the event makes every cache drop its old store."""
    if await repo.store(tx, device.tenant_id, store_id) is None:
        raise rules.UnknownStore
    before, device.store_id = device.store_id, store_id
    device.moved_at = deps.clock.now()
    event = DeviceMoved(
        **stamp(device.tenant_id, deps.clock), device_id=device.device_id, store_id=store_id
    )
    await outbox.add(tx, event)
    operation = (actor, "device.move", device.device_id)
    stores = ({"store_id": str(store_id), "sn": device.sn}, {"store_id": str(before)})
    await outbox.add(tx, audit_event(deps, device.tenant_id, operation, *stores))


async def revoke_device(
    deps: Deps, tenant_id: UUID, device_id: UUID, *, actor: str
) -> tuple[Device, str]:
    """Voids the device's key, here and by the event in every cache. A second call changes
    nothing."""
    async with deps.db.tx(tenant_id) as tx:
        device = await repo.device(tx, tenant_id, device_id, for_update=True)
        if device is None:
            raise NotFound
        if device.status != Status.REVOKED:
            device.status = Status.REVOKED.value
            device.revoked_at = deps.clock.now()
            device.revoked_by = actor
            await tx.flush()
            event = DeviceRevoked(**stamp(tenant_id, deps.clock), device_id=device_id)
            await outbox.add(tx, event)
            operation = (actor, "device.revoke", device_id)
            await outbox.add(tx, audit_event(deps, tenant_id, operation, {"sn": device.sn}))
        return await _device_and_store(tx, tenant_id, device_id)


async def note_seen(deps: Deps, sightings: Sequence[Sighting]) -> None:
    """Stores the latest sighting of each device, to the minute; unknown devices are skipped. System
    scope: a report of the edge covers all merchants."""
    now = deps.clock.now()
    latest: dict[tuple[UUID, UUID], datetime] = {}
    for sighting in sightings:
        name = (sighting.tenant_id, sighting.device_id)
        # A clock that runs ahead must not hide the sightings to come.
        at = min(sighting.at, now)
        latest[name] = max(at, latest.get(name, at))
    async with deps.db.pg(None) as pg:
        await repo.note_seen(pg, latest)
