"""The HTTP door of devices: enrolment, the device itself, the merchant's fleet, the edge."""

import base64
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request

from services.device import schemas, service
from services.device.models import Device
from services.device.repo import Filter
from services.device.service import Deps
from shared.errors import Forbidden, NotFound
from shared.fields import PageNumber, PageSize, PathPart, Text
from shared.web import guard, parse, principal, within_stores

CREDENTIAL_READERS = frozenset({"gateway-edge"})

SnPart = Annotated[str, Text(64, min=0, pattern=r"^[A-Za-z0-9._-]*$")]

router = APIRouter()


def _deps(request: Request) -> Deps:
    found: Deps = request.app.state.deps
    return found


def _id(text: str) -> UUID:
    """An id from a path; what cannot be one is simply not there."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


async def _store_of_device(request: Request) -> list[UUID]:
    device_id = _id(request.path_params["device_id"])
    device, _ = await service.get_device(_deps(request), principal(request).tenant, device_id)
    return [device.store_id]


async def _store_of_code(request: Request) -> list[UUID]:
    return [(await parse(request, schemas.CodeBody)).store_id]


of_its_store = within_stores(_store_of_device)


@router.post("/api/device/v1/enrol", dependencies=[guard("public")], status_code=201)
async def enrol(request: Request, body: schemas.EnrolBody) -> schemas.EnrolledOut:
    deps = _deps(request)
    found = await service.enrol_device(deps, code=body.code, sn=body.sn, model=body.model)
    return schemas.EnrolledOut(
        device_id=found.device.device_id,
        key_id=found.device.key_id,
        key=base64.b64encode(found.key).decode(),
        merchant_id=found.device.tenant_id,
        store_id=found.device.store_id,
        server_time=int(deps.clock.now().timestamp()),
    )


@router.get("/api/device/v1/me", dependencies=[guard("device")])
async def show_self(request: Request) -> schemas.MeOut:
    caller = principal(request)
    device = await service.greet_device(_deps(request), caller.tenant, _id(caller.subject))
    return schemas.MeOut(
        device_id=device.device_id,
        sn=device.sn,
        store_id=device.store_id,
        merchant_id=device.tenant_id,
        status=device.status,
    )


@router.get("/api/merchant/v1/devices", dependencies=[guard("user", "devices.read")])
async def list_devices(
    request: Request,
    sn: SnPart | None = None,
    store_id: UUID | None = None,
    status: Literal["active", "revoked"] | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 10,
) -> schemas.DevicePage:
    caller = principal(request)
    rows, total = await service.list_devices(
        _deps(request),
        caller.tenant,
        Filter(sn, store_id, status, caller.store_ids),
        page=page,
        page_size=page_size,
    )
    items = [_device_out(*row) for row in rows]
    return schemas.DevicePage(items=items, total=total, page=page, page_size=page_size)


@router.get("/api/operator/v1/devices", dependencies=[guard("user", "merchants.read")])
async def list_devices_of_merchant(
    request: Request, merchant_id: UUID, page: PageNumber = 1, page_size: PageSize = 100
) -> schemas.DevicePage:
    """One merchant's fleet, for an operator."""
    rows, total = await service.list_devices(
        _deps(request), merchant_id, Filter(), page=page, page_size=page_size
    )
    items = [_device_out(*row) for row in rows]
    return schemas.DevicePage(items=items, total=total, page=page, page_size=page_size)


@router.post(
    "/api/merchant/v1/devices/codes",
    dependencies=[guard("user", "devices.write"), within_stores(_store_of_code)],
    status_code=201,
)
async def create_code(request: Request, body: schemas.CodeBody) -> schemas.CodeOut:
    caller = principal(request)
    made = await service.create_code(
        _deps(request), caller.tenant, body.store_id, sn=body.sn, actor=f"user:{caller.subject}"
    )
    return schemas.CodeOut(code=made.code, expires_at=made.expires_at)


@router.get(
    "/api/merchant/v1/devices/{device_id}",
    dependencies=[guard("user", "devices.read"), of_its_store],
)
async def show_device(request: Request, device_id: PathPart) -> schemas.DeviceOut:
    caller = principal(request)
    device, store = await service.get_device(_deps(request), caller.tenant, _id(device_id))
    return _device_out(device, store)


@router.post(
    "/api/merchant/v1/devices/{device_id}/revoke",
    dependencies=[guard("user", "devices.write"), of_its_store],
)
async def revoke_device(request: Request, device_id: PathPart) -> schemas.DeviceOut:
    caller = principal(request)
    found = await service.revoke_device(
        _deps(request), caller.tenant, _id(device_id), actor=f"user:{caller.subject}"
    )
    return _device_out(*found)


@router.get("/internal/devices/{device_id}/credential", dependencies=[guard("service")])
async def find_credential(request: Request, device_id: PathPart) -> schemas.CredentialOut:
    if principal(request).issuer not in CREDENTIAL_READERS:
        raise Forbidden("this door is for the edge")
    device = await service.find_credential(_deps(request), _id(device_id))
    return schemas.CredentialOut(
        device_id=device.device_id,
        tenant_id=device.tenant_id,
        store_id=device.store_id,
        key_id=device.key_id,
        key_box=device.key_box,
        key_aad=device.key_aad,
        status=device.status,
    )


def _device_out(device: Device, store_name: str) -> schemas.DeviceOut:
    return schemas.DeviceOut(
        device_id=device.device_id,
        sn=device.sn,
        model=device.model,
        store_id=device.store_id,
        store_name=store_name,
        status=device.status,
        enrolled_at=device.enrolled_at,
        revoked_at=device.revoked_at,
        last_seen_at=device.seen_at,
    )
