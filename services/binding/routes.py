"""The HTTP door of bound apps, and the gateway's questions about them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import SecretStr

from services.binding import answers, apps, schemas
from services.binding.apps import AppChange
from services.binding.callers import ALIPAY_KEY_READERS, actor_of, deps_of, only
from services.binding.pairs import GivenKeys
from shared.web import guard, principal, require_step_up

_PLAIN = frozenset({"app_id", "seller_id", "enabled", "version", "mode"})
"""What of a binding is no key material; anything else needs the password once more."""

router = APIRouter()


# --- apps


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


@router.get("/api/merchant/v1/apps", dependencies=[guard("user", "apps.read")])
async def list_apps(request: Request) -> schemas.AppList:
    found = await apps.list_apps(deps_of(request), principal(request).tenant)
    return schemas.AppList(items=[answers.app_out(bound) for bound in found])


@router.put("/api/merchant/v1/apps", dependencies=[guard("user", "apps.write")])
async def bind_app(request: Request, body: schemas.AppBody) -> schemas.AppOut:
    caller = principal(request)
    if any(value is not None for name, value in body if name not in _PLAIN):
        require_step_up(request)
    change = AppChange(
        app_id=body.app_id,
        seller_id=body.seller_id,
        is_enabled=body.enabled,
        version=body.version,
        given=GivenKeys(
            mode=body.mode,
            private_key_text=_told(body.app_private_key),
            alipay_key_text=body.alipay_public_key,
            app_cert_text=body.app_cert,
            alipay_cert_text=body.alipay_cert,
            alipay_root_cert_text=body.alipay_root_cert,
        ),
        service_provider_id=body.service_provider_id,
        aes_key_text=_told(body.aes_key),
        app_auth_token=_told(body.app_auth_token),
        retire_after_h=body.retire_after_h,
    )
    found = await apps.bind_app(deps_of(request), caller.tenant, change, actor=actor_of(caller))
    return answers.app_out(found)


# --- for the gateway


@router.get("/internal/apps/{app_id}", dependencies=[guard("service")])
async def find_app(request: Request, app_id: Annotated[str, Path()]) -> schemas.BoundAppOut:
    only(request, ALIPAY_KEY_READERS)
    return answers.bound_app_out(await apps.find_app(deps_of(request), app_id=app_id))


@router.get("/internal/notify-routes/{route}", dependencies=[guard("service")])
async def find_route(request: Request, route: Annotated[str, Path()]) -> schemas.BoundAppOut:
    only(request, ALIPAY_KEY_READERS)
    return answers.bound_app_out(await apps.find_app(deps_of(request), notify_route=route))
