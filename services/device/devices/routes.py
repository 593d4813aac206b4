"""The HTTP routes of devices: enrolment, the device itself, the merchant's fleet, the edge."""

import base64
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request

from services.device.deps import Deps
from services.device.devices import codes, fleet, rules, schemas, service
from services.device.devices.fleet import DeviceChange, Sighting
from services.device.devices.repo import Filter
from services.device.devices.service import NewDevice
from services.device.models import Device
from shared.contracts import documents
from shared.contracts.fields import Instant, PageNumber, PageSize, PathPart, Text
from shared.contracts.speakers import EDGE
from shared.errors import NotFound
from shared.web import guard, parse, principal, within_stores

SnPart = Annotated[str, Text(64, min=0, pattern=r"^[A-Za-z0-9._-]*$")]

router = APIRouter()


def _deps(request: Request) -> Deps:
    found: Deps = request.app.state.deps
    return found


def _id(text: str) -> UUID:
    """An id from a path; NotFound if the text is not an id."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


async def _store_of_device(request: Request) -> list[UUID]:
    device_id = _id(request.path_params["device_id"])
    device, _ = await fleet.get_device(_deps(request), principal(request).tenant, device_id)
    return [device.store_id]


async def _store_of_code(request: Request) -> list[UUID]:
    return [(await parse(request, schemas.CodeBody)).store_id]


async def _both_stores(request: Request) -> list[UUID]:
    """The present and the new store: a person of one store cannot move a device elsewhere."""
    body = await parse(request, schemas.DeviceChangeBody)
    stores = await _store_of_device(request)
    return stores if body.store_id is None else [*stores, body.store_id]


async def _store_of_named_code(request: Request) -> list[UUID]:
    code_id = _id(request.path_params["code_id"])
    found = await codes.store_of(_deps(request), principal(request).tenant, code_id)
    return [found] if found is not None else []


of_its_store = within_stores(_store_of_device)


@router.post("/api/device/v1/enrol", dependencies=[guard("public")], status_code=201)
async def enrol(request: Request, body: schemas.EnrolBody) -> schemas.EnrolledOut:
    deps = _deps(request)
    made = NewDevice(body.sn, body.model, rules.kind_of(body.sn, body.kind))
    found = await service.enrol_device(deps, body.code, made)
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
    device = await fleet.get_own(_deps(request), caller.tenant, _id(caller.subject))
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
    q: Annotated[str, Text(64, min=0)] | None = None,
    store_id: UUID | None = None,
    status: Literal["active", "revoked"] | None = None,
    unseen_since: Instant | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 10,
) -> schemas.DevicePage:
    """The devices of the stores that the caller may see, newest first. `unseen_since`: only
    terminals without a signed request or an enrolment since then."""
    caller = principal(request)
    rows, total = await fleet.list_devices(
        _deps(request),
        caller.tenant,
        Filter(sn, q, store_id, status, caller.store_ids, unseen_since),
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
    rows, total = await fleet.list_devices(
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
    return schemas.CodeOut(code_id=made.code_id, code=made.code, expires_at=made.expires_at)


@router.get("/api/merchant/v1/devices/codes", dependencies=[guard("user", "devices.write")])
async def list_codes(request: Request) -> schemas.OpenCodeList:
    """Codes that nobody has used yet."""
    caller = principal(request)
    rows = await codes.open_codes(_deps(request), caller.tenant, store_ids=caller.store_ids)
    return schemas.OpenCodeList(
        items=[
            schemas.OpenCodeOut(
                code_id=code.code_id,
                ends_with=code.hint,
                store_id=code.store_id,
                store_name=store_name,
                sn=code.sn,
                created_at=code.created_at,
                expires_at=code.expires_at,
            )
            for code, store_name in rows
        ]
    )


@router.get(
    "/api/merchant/v1/devices/codes/{code_id}",
    dependencies=[guard("user", "devices.write"), within_stores(_store_of_named_code)],
)
async def show_code(request: Request, code_id: PathPart) -> schemas.CodeStateOut:
    """The state of a code, and the device that a used code has enrolled."""
    caller = principal(request)
    code, state, device = await codes.get_code(_deps(request), caller.tenant, _id(code_id))
    return schemas.CodeStateOut(
        code_id=code.code_id, state=state, device=device, expires_at=code.expires_at
    )


@router.delete(
    "/api/merchant/v1/devices/codes/{code_id}",
    dependencies=[guard("user", "devices.write"), within_stores(_store_of_named_code)],
    status_code=204,
)
async def revoke_code(request: Request, code_id: PathPart) -> None:
    """Revokes a code that no device has used yet."""
    caller = principal(request)
    await codes.revoke_code(
        _deps(request), caller.tenant, _id(code_id), actor=f"user:{caller.subject}"
    )


@router.get(
    "/api/merchant/v1/devices/{device_id}",
    dependencies=[guard("user", "devices.read"), of_its_store],
)
async def show_device(request: Request, device_id: PathPart) -> schemas.DeviceOut:
    caller = principal(request)
    device, store = await fleet.get_device(_deps(request), caller.tenant, _id(device_id))
    return _device_out(device, store)


@router.patch(
    "/api/merchant/v1/devices/{device_id}",
    dependencies=[guard("user", "devices.write"), within_stores(_both_stores)],
)
async def change_device(
    request: Request, device_id: PathPart, body: schemas.DeviceChangeBody
) -> schemas.DeviceOut:
    """Renames a device, or moves it to another store. Its later payments belong to that store."""
    caller = principal(request)
    change = DeviceChange(body.name, body.store_id, body.version)
    found = await fleet.change_device(
        _deps(request), caller.tenant, _id(device_id), change, actor=f"user:{caller.subject}"
    )
    return _device_out(*found)


@router.post(
    "/api/merchant/v1/devices/{device_id}/revoke",
    dependencies=[guard("user", "devices.write"), of_its_store],
)
async def revoke_device(request: Request, device_id: PathPart) -> schemas.DeviceOut:
    caller = principal(request)
    found = await fleet.revoke_device(
        _deps(request), caller.tenant, _id(device_id), actor=f"user:{caller.subject}"
    )
    return _device_out(*found)


@router.get(
    "/internal/devices/{device_id}/credential", dependencies=[guard("service", issuers={EDGE})]
)
async def find_credential(request: Request, device_id: PathPart) -> documents.CredentialOut:
    device = await service.find_credential(_deps(request), _id(device_id))
    return documents.CredentialOut(
        device_id=device.device_id,
        tenant_id=device.tenant_id,
        store_id=device.store_id,
        key_id=device.key_id,
        key_box=device.key_box,
        key_aad=device.key_aad,
        status=device.status,
    )


@router.post(
    "/internal/device-uses", dependencies=[guard("service", issuers={EDGE})], status_code=204
)
async def record_sightings(request: Request, body: documents.SightingsBody) -> None:
    """Records when devices last signed a request. The edge reports each device at most once a
    minute."""
    sightings = [Sighting(item.tenant_id, item.device_id, item.used_at) for item in body.items]
    await fleet.note_seen(_deps(request), sightings)


def _device_out(device: Device, store_name: str) -> schemas.DeviceOut:
    return schemas.DeviceOut(
        device_id=device.device_id,
        sn=device.sn,
        name=device.name,
        kind=cast(Any, device.kind),
        model=device.model or rules.model_by_sn(device.sn),
        store_id=device.store_id,
        store_name=store_name,
        status=device.status,
        enrolled_at=device.enrolled_at,
        revoked_at=device.revoked_at,
        last_seen_at=device.seen_at,
        version=device.version,
    )
