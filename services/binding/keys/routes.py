"""The HTTP routes by which the gateway reads bound apps and reports key uses."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.binding.callers import deps_of
from services.binding.keys import bound_apps, schemas, views
from services.binding.keys import uses as key_uses
from services.binding.keys.bound_apps import BoundApp
from services.binding.keys.uses import KeyUse
from shared.contracts import documents
from shared.contracts.fields import PathPart
from shared.contracts.speakers import EDGE, EGRESS
from shared.web import guard, principal

KeyVersion = Annotated[int, Path(ge=1, le=2**31 - 1)]

router = APIRouter()


def _for_gateway(request: Request, bound: BoundApp) -> documents.BoundAppOut:
    """The egress, which signs, gets the sealed keys; the edge only what it verifies with."""
    return views.bound_app_out(bound, with_secrets=principal(request).issuer == EGRESS)


@router.get("/internal/apps/{app_id}", dependencies=[guard("service", issuers={EDGE, EGRESS})])
async def find_app(request: Request, app_id: PathPart) -> documents.BoundAppOut:
    return _for_gateway(request, await bound_apps.find_app(deps_of(request), app_id=app_id))


@router.get(
    "/internal/apps/{app_id}/key-versions/{number}",
    dependencies=[guard("service", issuers={EGRESS})],
)
async def find_version(
    request: Request, app_id: schemas.AppId, number: KeyVersion
) -> documents.BoundAppOut:
    """One key version of an app, pending or not, of the token's merchant: for its live check."""
    tenant_id = principal(request).tenant
    found = await bound_apps.find_version(deps_of(request), tenant_id, app_id, number)
    return _for_gateway(request, found)


@router.get(
    "/internal/notify-routes/{route}", dependencies=[guard("service", issuers={EDGE, EGRESS})]
)
async def find_route(request: Request, route: PathPart) -> documents.BoundAppOut:
    return _for_gateway(request, await bound_apps.find_app(deps_of(request), notify_route=route))


@router.post(
    "/internal/app-key-uses", dependencies=[guard("service", issuers={EGRESS})], status_code=204
)
async def record_app_key_uses(request: Request, body: documents.AppKeyUsesBody) -> None:
    """Records when key versions last signed. The egress reports each version at most once a
    minute."""
    uses = [
        KeyUse(item.tenant_id, item.app_id, item.key_version, item.used_at) for item in body.items
    ]
    await key_uses.note_key_uses(deps_of(request), uses)
