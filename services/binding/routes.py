"""The HTTP door of bound apps, and the gateway's questions about them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.binding import apps, schemas
from services.binding.apps import AppChange, BoundApp
from services.binding.callers import ALIPAY_KEY_READERS, actor_of, deps_of, only
from services.binding.models import AppKey
from shared.web import guard, principal, require_step_up

_PLAIN = frozenset({"app_id", "seller_id", "enabled", "version", "mode"})
"""What of a binding is no key material; anything else needs the password once more."""

router = APIRouter()


# --- apps


@router.get("/api/merchant/v1/apps", dependencies=[guard("user", "apps.read")])
async def list_apps(request: Request) -> schemas.AppList:
    found = await apps.list_apps(deps_of(request), principal(request).tenant)
    return schemas.AppList(items=[_app_out(bound) for bound in found])


@router.put("/api/merchant/v1/apps", dependencies=[guard("user", "apps.write")])
async def bind_app(request: Request, body: schemas.AppBody) -> schemas.AppOut:
    caller = principal(request)
    if any(value is not None for name, value in body if name not in _PLAIN):
        require_step_up(request)
    private = body.app_private_key
    change = AppChange(
        app_id=body.app_id,
        seller_id=body.seller_id,
        is_enabled=body.enabled,
        version=body.version,
        private_key_text=private.get_secret_value() if private is not None else None,
        alipay_key_text=body.alipay_public_key,
    )
    found = await apps.bind_app(deps_of(request), caller.tenant, change, actor=actor_of(caller))
    return _app_out(found)


# --- for the gateway


@router.get("/internal/apps/{app_id}", dependencies=[guard("service")])
async def find_app(request: Request, app_id: Annotated[str, Path()]) -> schemas.BoundAppOut:
    only(request, ALIPAY_KEY_READERS)
    return _bound_app_out(await apps.find_app(deps_of(request), app_id=app_id))


@router.get("/internal/notify-routes/{route}", dependencies=[guard("service")])
async def find_route(request: Request, route: Annotated[str, Path()]) -> schemas.BoundAppOut:
    only(request, ALIPAY_KEY_READERS)
    return _bound_app_out(await apps.find_app(deps_of(request), notify_route=route))


# --- rows to answers


def _app_out(bound: BoundApp) -> schemas.AppOut:
    app, key = bound.app, bound.keys[0]
    return schemas.AppOut(
        app_id=app.app_id,
        seller_id=app.seller_id,
        enabled=app.is_enabled,
        version=app.version,
        notify_path=f"/alipay/notify/{app.notify_route}",
        created_at=app.created_at,
        updated_at=app.updated_at,
        key=schemas.AppKeyOut(
            key_version=key.key_version,
            fingerprint=key.fingerprint,
            bits=key.bits,
            app_public_key=key.app_public_key,
            alipay_public_key=key.alipay_public_key,
            created_at=key.created_at,
        ),
    )


def _bound_app_out(bound: BoundApp) -> schemas.BoundAppOut:
    app = bound.app
    return schemas.BoundAppOut(
        tenant_id=app.tenant_id,
        app_id=app.app_id,
        seller_id=app.seller_id,
        notify_route=app.notify_route,
        enabled=app.is_enabled,
        versions=[_version_out(key) for key in bound.keys],
    )


def _version_out(key: AppKey) -> schemas.SealedVersionOut:
    return schemas.SealedVersionOut(
        key_version=key.key_version,
        private_key_box=key.private_key_box or "",
        private_key_aad=key.private_key_aad,
        alipay_public_key=key.alipay_public_key,
        not_after=key.not_after,
    )
