"""The HTTP routes of staff, roles and API keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from services.binding.callers import MERCHANT, OPERATOR, deps_of, whole_merchant
from services.binding.models import ApiKey, User
from services.binding.people import api_keys, links, schemas, staff
from services.binding.people.staff import NewPerson, PersonChange
from services.binding.people.views import link_out
from services.binding.sign_in.views import person_out
from services.binding.tenancy.permissions import API_KEY, PERMISSIONS
from services.binding.tenancy.rules import Console
from shared.contracts import documents
from shared.contracts.documents import API_KEY_ID
from shared.contracts.fields import PageNumber, PageSize, Text
from shared.contracts.speakers import EDGE
from shared.web import guard, principal

KeyId = Annotated[str, Text(64, pattern=API_KEY_ID), Path()]

router = APIRouter()


async def _list(request: Request, page: int, page_size: int) -> schemas.StaffPage:
    caller = principal(request)
    rows, total = await staff.list_staff(
        deps_of(request), caller.tenant, page=page, page_size=page_size
    )
    items = [_staff_out(row, caller.subject) for row in rows]
    return schemas.StaffPage(items=items, total=total, page=page, page_size=page_size)


async def _create(request: Request, console: Console, new: NewPerson) -> schemas.StaffCreatedOut:
    caller = principal(request)
    made, link = await staff.create_person(deps_of(request), console, caller, new)
    return schemas.StaffCreatedOut(link=link_out(link), **dict(_staff_out(made, caller.subject)))


async def _change(
    request: Request, console: Console, user_id: UUID, body: schemas.StaffChangeBody
) -> schemas.StaffOut:
    caller = principal(request)
    change = PersonChange(
        body.version, body.name, body.role, body.is_enabled, body.store_ids, body.hand_keys_to
    )
    row = await staff.change_person(deps_of(request), console, caller, user_id, change)
    return _staff_out(row, caller.subject)


async def _make_link(request: Request, user_id: UUID, body: schemas.LinkBody) -> schemas.LinkOut:
    link = await links.make_for(
        deps_of(request),
        principal(request),
        user_id,
        removes_second_factor=body.remove_second_factor,
    )
    return link_out(link)


def _roles(console: Console) -> schemas.RoleList:
    items = [
        schemas.RoleOut(role=role.value, permissions=sorted(granted))
        for role, granted in PERMISSIONS.items()
        if role.console == console
    ]
    return schemas.RoleList(items=items)


@router.get(f"{MERCHANT}/staff", dependencies=[guard("user", "staff.read"), whole_merchant])
async def list_staff(
    request: Request, page: PageNumber = 1, page_size: PageSize = 20
) -> schemas.StaffPage:
    return await _list(request, page, page_size)


@router.post(
    f"{MERCHANT}/staff",
    dependencies=[guard("user", "staff.write", step_up=True), whole_merchant],
    status_code=201,
)
async def create_staff(request: Request, body: schemas.StaffBody) -> schemas.StaffCreatedOut:
    login = await staff.login_of(deps_of(request), principal(request).tenant, body.username)
    new = NewPerson(login, body.name, body.role, body.store_ids)
    return await _create(request, "merchant", new)


@router.patch(
    f"{MERCHANT}/staff/{{user_id}}",
    dependencies=[guard("user", "staff.write", step_up=True), whole_merchant],
)
async def change_staff(
    request: Request, user_id: UUID, body: schemas.StaffChangeBody
) -> schemas.StaffOut:
    return await _change(request, "merchant", user_id, body)


@router.post(
    f"{MERCHANT}/staff/{{user_id}}/password-link",
    dependencies=[guard("user", "staff.write", step_up=True), whole_merchant],
    status_code=201,
)
async def make_staff_password_link(
    request: Request, user_id: UUID, body: schemas.LinkBody
) -> schemas.LinkOut:
    """Creates a link for somebody who forgot the password. It is shown once and can be used
    once."""
    return await _make_link(request, user_id, body)


@router.get(f"{MERCHANT}/roles", dependencies=[guard("user", "staff.read")])
async def list_merchant_roles() -> schemas.RoleList:
    return _roles("merchant")


@router.get(f"{OPERATOR}/staff", dependencies=[guard("user", "operators.read")])
async def list_operators(
    request: Request, page: PageNumber = 1, page_size: PageSize = 20
) -> schemas.StaffPage:
    return await _list(request, page, page_size)


@router.post(
    f"{OPERATOR}/staff",
    dependencies=[guard("user", "operators.write", step_up=True)],
    status_code=201,
)
async def create_operator(request: Request, body: schemas.OperatorBody) -> schemas.StaffCreatedOut:
    new = NewPerson(body.login, body.name, body.role, body.store_ids)
    return await _create(request, "operator", new)


@router.patch(
    f"{OPERATOR}/staff/{{user_id}}",
    dependencies=[guard("user", "operators.write", step_up=True)],
)
async def change_operator(
    request: Request, user_id: UUID, body: schemas.StaffChangeBody
) -> schemas.StaffOut:
    return await _change(request, "operator", user_id, body)


@router.post(
    f"{OPERATOR}/staff/{{user_id}}/password-link",
    dependencies=[guard("user", "operators.write", step_up=True)],
    status_code=201,
)
async def make_operator_password_link(
    request: Request, user_id: UUID, body: schemas.LinkBody
) -> schemas.LinkOut:
    """Creates a link for somebody who forgot the password. It is shown once and can be used
    once."""
    return await _make_link(request, user_id, body)


@router.get(f"{OPERATOR}/roles", dependencies=[guard("user", "operators.read")])
async def list_operator_roles() -> schemas.RoleList:
    return _roles("operator")


# --- API keys


@router.get(f"{MERCHANT}/api-keys", dependencies=[guard("user", "api_keys.read"), whole_merchant])
async def list_api_keys(
    request: Request, page: PageNumber = 1, page_size: PageSize = 20
) -> schemas.ApiKeyPage:
    rows, total = await api_keys.list_api_keys(
        deps_of(request), principal(request).tenant, page=page, page_size=page_size
    )
    items = [_api_key_out(row) for row in rows]
    return schemas.ApiKeyPage(items=items, total=total, page=page, page_size=page_size)


@router.post(
    f"{MERCHANT}/api-keys",
    dependencies=[guard("user", "api_keys.write", step_up=True), whole_merchant],
    status_code=201,
)
async def create_api_key(request: Request, body: schemas.ApiKeyBody) -> schemas.ApiKeyCreatedOut:
    """Creates a key. Its secret is in this response only."""
    row, secret = await api_keys.create_api_key(
        deps_of(request), principal(request), name=body.name, store_id=body.store_id
    )
    return schemas.ApiKeyCreatedOut(secret=secret, **dict(_api_key_out(row)))


@router.delete(
    f"{MERCHANT}/api-keys/{{key_id}}",
    dependencies=[guard("user", "api_keys.write", step_up=True), whole_merchant],
    status_code=204,
)
async def revoke_api_key(request: Request, key_id: KeyId) -> None:
    await api_keys.revoke_api_key(deps_of(request), principal(request), key_id)


@router.get("/internal/api-keys/{key_id}", dependencies=[guard("service", issuers={EDGE})])
async def find_api_key(request: Request, key_id: KeyId) -> documents.SealedApiKeyOut:
    row = await api_keys.find_api_key(deps_of(request), key_id)
    return documents.SealedApiKeyOut(
        tenant_id=row.tenant_id,
        key_id=row.key_id,
        store_id=row.store_id,
        permissions=sorted(API_KEY),
        secret_box=row.secret_box or "",
        secret_aad=row.secret_aad,
    )


@router.post(
    "/internal/api-key-uses", dependencies=[guard("service", issuers={EDGE})], status_code=204
)
async def record_api_key_uses(request: Request, body: documents.ApiKeyUsesBody) -> None:
    """Records when keys were last used. The edge reports each key at most once a minute."""
    uses = {(item.tenant_id, item.key_id): item.used_at for item in body.items}
    await api_keys.note_uses(deps_of(request), uses)


def _staff_out(row: User, subject: str) -> schemas.StaffOut:
    return schemas.StaffOut(
        **dict(person_out(row)),
        is_enabled=row.is_enabled,
        created_at=row.created_at,
        version=row.version,
        is_self=str(row.user_id) == subject,
    )


def _api_key_out(row: ApiKey) -> schemas.ApiKeyOut:
    return schemas.ApiKeyOut(
        key_id=row.key_id,
        name=row.name,
        store_id=row.store_id,
        created_by=row.created_by,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
