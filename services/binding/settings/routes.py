"""The HTTP routes of bound apps, and of changes that wait for a second person."""

from base64 import b64encode
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import SecretStr

from services.binding.callers import actor_of, deps_of
from services.binding.expensive import expensive
from services.binding.keys import bound_apps
from services.binding.keys import generated as key_pairs
from services.binding.keys import schemas as keys_schemas
from services.binding.keys.apps import AppChange
from services.binding.keys.chosen import GivenKeys
from services.binding.models import AppChangeRequest
from services.binding.onboarding import live_check
from services.binding.settings import approvals, schemas, views
from services.binding.settings.views import requester_of
from shared.contracts.principal import Principal
from shared.errors import InvalidBody
from shared.serve import json_response
from shared.web import guard, principal

router = APIRouter()


def _text_of(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


@router.get("/api/merchant/v1/apps", dependencies=[guard("user", "apps.read")])
async def list_apps(request: Request) -> schemas.AppList:
    caller = principal(request)
    found = await bound_apps.list_apps(deps_of(request), caller.tenant)
    return schemas.AppList(
        items=[views.app_out(bound, shows_people=caller.sees_people) for bound in found]
    )


@router.get("/api/merchant/v1/apps/changes", dependencies=[guard("user", "apps.read")])
async def list_changes(request: Request) -> schemas.AppChangeList:
    """Changes that wait for a second approver, and earlier ones with their results."""
    found = await approvals.list_changes(deps_of(request), principal(request).tenant)
    return schemas.AppChangeList(items=[views.change_out(row) for row in found])


@router.get("/api/merchant/v1/apps/{app_id}", dependencies=[guard("user", "apps.read")])
async def show_app(request: Request, app_id: keys_schemas.AppId) -> schemas.AppOut:
    caller = principal(request)
    found = await bound_apps.own_app(deps_of(request), caller.tenant, app_id)
    return views.app_out(found, shows_people=caller.sees_people)


@router.put(
    "/api/merchant/v1/apps",
    dependencies=[guard("user", "apps.write", step_up=True), expensive("keys")],
    response_model=schemas.AppOut,
    responses={202: {"model": schemas.AppChangeOut}},
)
async def bind_app(request: Request, body: schemas.AppBody) -> Any:
    """Binds an app, or changes its binding (S37). With dual control, a change returns 202 and waits
    for a second approver. New keys are used after a live check at Alipay; the response contains its
    result so far."""
    caller = principal(request)
    private_text = _text_of(body.app_private_key)
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
        aes_key_text=_text_of(body.aes_key),
        app_auth_token=_text_of(body.app_auth_token),
        retire_after_h=body.retire_after_h,
        key_pair_id=body.key_pair_id,
    )
    found = await approvals.bind_or_request(
        deps_of(request), caller.tenant, change, requester_of(caller)
    )
    if isinstance(found, AppChangeRequest):
        return json_response(views.change_out(found).model_dump(mode="json"), 202)
    return await _checked(request, caller, body.app_id)


async def _checked(request: Request, caller: Principal, app_id: str) -> schemas.AppOut:
    """The app after the live check of new keys. If the check takes too long, the worker repeats
    it."""
    deps, egress = deps_of(request), request.app.state.onboarding.egress
    await live_check.settle(deps, egress, caller.tenant, app_id, actor=actor_of(caller))
    found = await bound_apps.own_app(deps, caller.tenant, app_id)
    return views.app_out(found, shows_people=caller.sees_people)


@router.post(
    "/api/merchant/v1/apps/changes/{change_id}/approve",
    dependencies=[guard("user", "apps.approve", step_up=True)],
)
async def approve_change(
    request: Request, change_id: UUID
) -> schemas.AppOut | schemas.AppChangeOut:
    """Approves a change. Returns the app after it, or the change itself if it is not about an
    app."""
    caller = principal(request)
    found = await approvals.approve(
        deps_of(request), caller.tenant, change_id,
        user_id=UUID(caller.subject), actor=actor_of(caller),
    )  # fmt: skip
    if found.kind != "app":
        return views.change_out(found)
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
