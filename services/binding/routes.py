"""The HTTP door of bound apps, and the gateway's questions about them."""

from base64 import b64encode
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import SecretStr

from services.binding import (
    answers,
    approvals,
    bound_apps,
    key_pairs,
    key_uses,
    live_check,
    schemas,
)
from services.binding.apps import AppChange
from services.binding.bound_apps import BoundApp
from services.binding.callers import (
    ALIPAY_KEY_READERS,
    EGRESS_ONLY,
    actor_of,
    asker_of,
    deps_of,
    only,
)
from services.binding.costly import costly
from services.binding.key_uses import KeyUse
from services.binding.models import AppChangeRequest
from services.binding.pairs import GivenKeys
from shared.errors import InvalidBody
from shared.fields import PathPart
from shared.serve import json_response
from shared.tokens import Principal
from shared.web import guard, principal

KeyVersion = Annotated[int, Path(ge=1, le=2**31 - 1)]

router = APIRouter()


# --- apps


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


@router.get("/api/merchant/v1/apps", dependencies=[guard("user", "apps.read")])
async def list_apps(request: Request) -> schemas.AppList:
    caller = principal(request)
    found = await bound_apps.list_apps(deps_of(request), caller.tenant)
    return schemas.AppList(
        items=[answers.app_out(bound, shows_people=caller.sees_people) for bound in found]
    )


@router.get("/api/merchant/v1/apps/changes", dependencies=[guard("user", "apps.read")])
async def list_changes(request: Request) -> schemas.AppChangeList:
    """Changes of keys that wait for a second person, and what became of earlier ones."""
    found = await approvals.list_changes(deps_of(request), principal(request).tenant)
    return schemas.AppChangeList(items=[answers.change_out(row) for row in found])


@router.get("/api/merchant/v1/apps/{app_id}", dependencies=[guard("user", "apps.read")])
async def show_app(request: Request, app_id: schemas.AppId) -> schemas.AppOut:
    caller = principal(request)
    found = await bound_apps.own_app(deps_of(request), caller.tenant, app_id)
    return answers.app_out(found, shows_people=caller.sees_people)


@router.put(
    "/api/merchant/v1/apps",
    dependencies=[guard("user", "apps.write", step_up=True), costly("keys")],
    response_model=schemas.AppOut,
    responses={202: {"model": schemas.AppChangeOut}},
)
async def bind_app(request: Request, body: schemas.AppBody) -> Any:
    """Binds, or changes a binding (S37). With dual control, and for an acting operator always, it
    answers 202 and waits for somebody else. New keys are checked live before they count: the
    answer tells what that showed so far."""
    caller = principal(request)
    private_text = _told(body.app_private_key)
    if body.key_pair_id is not None:
        if private_text is not None:
            message = "一次只给一个 give either this or app_private_key"
            raise InvalidBody(errors=[{"pointer": "/key_pair_id", "message": message}])
        pair = await key_pairs.waiting_pair(
            deps_of(request), caller.tenant, body.key_pair_id, bound_to=body.app_id
        )
        private_text = b64encode(pair.pkcs8).decode() if pair is not None else None
    change = AppChange(
        app_id=body.app_id,
        seller_id=body.seller_id,
        is_enabled=body.enabled,
        version=body.version,
        given=GivenKeys(
            mode=body.mode,
            private_key_text=private_text,
            alipay_key_text=body.alipay_public_key,
            app_cert_text=body.app_cert,
            alipay_cert_text=body.alipay_cert,
            alipay_root_cert_text=body.alipay_root_cert,
        ),
        service_provider_id=body.service_provider_id,
        aes_key_text=_told(body.aes_key),
        app_auth_token=_told(body.app_auth_token),
        retire_after_h=body.retire_after_h,
        key_pair_id=body.key_pair_id,
    )
    found = await approvals.bind_or_ask(deps_of(request), caller.tenant, change, asker_of(caller))
    if isinstance(found, AppChangeRequest):
        return json_response(answers.change_out(found).model_dump(mode="json"), 202)
    return await _checked(request, caller, body.app_id)


async def _checked(request: Request, caller: Principal, app_id: str) -> schemas.AppOut:
    """The app after the live check of keys that are new; what takes longer the worker sees to."""
    deps, platform = deps_of(request), request.app.state.onboarding.platform
    await live_check.settle(deps, platform, caller.tenant, app_id, actor=actor_of(caller))
    found = await bound_apps.own_app(deps, caller.tenant, app_id)
    return answers.app_out(found, shows_people=caller.sees_people)


@router.post(
    "/api/merchant/v1/apps/changes/{change_id}/approve",
    dependencies=[guard("user", "apps.approve", step_up=True)],
)
async def approve_change(
    request: Request, change_id: UUID
) -> schemas.AppOut | schemas.AppChangeOut:
    """The app as it is then; for a change of anything else, the change itself."""
    caller = principal(request)
    found = await approvals.approve(
        deps_of(request), caller.tenant, change_id,
        user_id=UUID(caller.subject), actor=actor_of(caller),
    )  # fmt: skip
    if found.kind != "app":
        return answers.change_out(found)
    return await _checked(request, caller, found.app_id)


@router.post(
    "/api/merchant/v1/apps/changes/{change_id}/reject",
    dependencies=[guard("user", "apps.write")],
    status_code=204,
)
async def reject_change(request: Request, change_id: UUID) -> None:
    caller = principal(request)
    await approvals.reject(
        deps_of(request), caller.tenant, change_id,
        user_id=UUID(caller.subject), actor=actor_of(caller),
    )  # fmt: skip


# --- for the gateway


def _for_gateway(request: Request, bound: BoundApp) -> schemas.BoundAppOut:
    """Sealed keys leave for the process that signs; the public edge gets what it verifies with."""
    return answers.bound_app_out(bound, with_secrets=principal(request).issuer in EGRESS_ONLY)


@router.get("/internal/apps/{app_id}", dependencies=[guard("service")])
async def find_app(request: Request, app_id: PathPart) -> schemas.BoundAppOut:
    only(request, ALIPAY_KEY_READERS)
    return _for_gateway(request, await bound_apps.find_app(deps_of(request), app_id=app_id))


@router.get("/internal/apps/{app_id}/key-versions/{number}", dependencies=[guard("service")])
async def find_version(
    request: Request, app_id: schemas.AppId, number: KeyVersion
) -> schemas.BoundAppOut:
    """One version of the merchant that the token names, pending or not: for its live check."""
    only(request, EGRESS_ONLY)
    tenant_id = principal(request).tenant
    found = await bound_apps.find_version(deps_of(request), tenant_id, app_id, number)
    return _for_gateway(request, found)


@router.get("/internal/notify-routes/{route}", dependencies=[guard("service")])
async def find_route(request: Request, route: PathPart) -> schemas.BoundAppOut:
    only(request, ALIPAY_KEY_READERS)
    return _for_gateway(request, await bound_apps.find_app(deps_of(request), notify_route=route))


@router.post("/internal/app-key-uses", dependencies=[guard("service")], status_code=204)
async def take_app_key_uses(request: Request, body: schemas.AppKeyUsesBody) -> None:
    """When key versions last signed; the egress says so at most once a minute and version."""
    only(request, EGRESS_ONLY)
    uses = [
        KeyUse(item.tenant_id, item.app_id, item.key_version, item.used_at) for item in body.items
    ]
    await key_uses.note_key_uses(deps_of(request), uses)
