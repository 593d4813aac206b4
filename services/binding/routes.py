"""The HTTP door of binding: two consoles, and the gateway's questions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import SecretStr

from services.binding import answers, apps, schemas, service, sessions
from services.binding.apps import AppChange
from services.binding.domain import PERMISSIONS, Console, Role
from services.binding.models import Merchant, Session, Store, User
from services.binding.pairs import GivenKeys
from services.binding.service import Deps
from shared.errors import Forbidden, Unauthorized
from shared.tokens import Principal
from shared.web import guard, principal

COOKIE = "__Host-damselfly"
COOKIE_RULES = "Path=/; Secure; HttpOnly; SameSite=Strict"
ALIPAY_KEY_READERS = frozenset({"gateway-edge", "gateway-egress"})
SESSION_READERS = frozenset({"gateway-edge"})

PageNumber = Annotated[int, Query(ge=1, le=10_000)]
PageSize = Annotated[int, Query(ge=1, le=100)]

router = APIRouter()


def _deps(request: Request) -> Deps:
    found: Deps = request.app.state.deps
    return found


def _only(request: Request, issuers: frozenset[str]) -> None:
    """Sealed keys and sessions are for the gateway; the other services have no use for them."""
    if principal(request).issuer not in issuers:
        raise Forbidden("this door is for the gateway")


def _actor(caller: Principal) -> str:
    return f"user:{caller.subject}"


# --- sessions


def _session_of(caller: Principal) -> tuple[UUID, UUID]:
    if caller.session_id is None:
        raise Unauthorized
    return caller.tenant, UUID(caller.session_id)


async def _sign_in(
    request: Request, response: Response, console: Console, body: schemas.LoginBody
) -> schemas.SessionOpenedOut:
    found = await sessions.sign_in(
        _deps(request), console, login=body.login, password=body.password.get_secret_value()
    )
    response.headers["Set-Cookie"] = f"{COOKIE}={found.cookie}; {COOKIE_RULES}"
    response.headers["Cache-Control"] = "no-store"
    shown = _session_out(found.session, found.user, found.merchant)
    return schemas.SessionOpenedOut(csrf_token=found.csrf_token, **dict(shown))


async def _show_session(request: Request, console: Console) -> schemas.SessionOut:
    tenant_id, session_id = _session_of(principal(request))
    found = await sessions.current_session(_deps(request), console, tenant_id, session_id)
    return _session_out(*found)


async def _sign_out(request: Request) -> Response:
    await sessions.sign_out(_deps(request), *_session_of(principal(request)))
    gone = f"{COOKIE}=; {COOKIE_RULES}; Max-Age=0"
    return Response(status_code=204, headers={"Set-Cookie": gone, "Cache-Control": "no-store"})


@router.post("/api/merchant/v1/session", dependencies=[guard("public")])
async def sign_in_merchant(
    request: Request, response: Response, body: schemas.LoginBody
) -> schemas.SessionOpenedOut:
    return await _sign_in(request, response, "merchant", body)


@router.post("/api/operator/v1/session", dependencies=[guard("public")])
async def sign_in_operator(
    request: Request, response: Response, body: schemas.LoginBody
) -> schemas.SessionOpenedOut:
    return await _sign_in(request, response, "operator", body)


@router.get("/api/merchant/v1/session", dependencies=[guard("user")])
async def show_merchant_session(request: Request) -> schemas.SessionOut:
    return await _show_session(request, "merchant")


@router.get("/api/operator/v1/session", dependencies=[guard("user")])
async def show_operator_session(request: Request) -> schemas.SessionOut:
    return await _show_session(request, "operator")


@router.delete("/api/merchant/v1/session", dependencies=[guard("user")], status_code=204)
async def sign_out_merchant(request: Request) -> Response:
    return await _sign_out(request)


@router.delete("/api/operator/v1/session", dependencies=[guard("user")], status_code=204)
async def sign_out_operator(request: Request) -> Response:
    return await _sign_out(request)


# --- merchants and stores


@router.get("/api/operator/v1/merchants", dependencies=[guard("user", "merchants.read")])
async def list_merchants(
    request: Request, page: PageNumber = 1, page_size: PageSize = 20
) -> schemas.MerchantPage:
    rows, total = await service.list_merchants(_deps(request), page=page, page_size=page_size)
    items = [_merchant_out(row) for row in rows]
    return schemas.MerchantPage(items=items, total=total, page=page, page_size=page_size)


@router.post(
    "/api/operator/v1/merchants",
    dependencies=[guard("user", "merchants.write")],
    status_code=201,
)
async def create_merchant(
    request: Request, body: schemas.MerchantBody
) -> schemas.MerchantCreatedOut:
    merchant, owner = await service.create_merchant(
        _deps(request),
        name=body.name,
        login=body.login,
        password=body.password.get_secret_value(),
        actor=_actor(principal(request)),
    )
    return schemas.MerchantCreatedOut(owner=_user_out(owner), **dict(_merchant_out(merchant)))


@router.get("/api/merchant/v1/merchant", dependencies=[guard("user")])
async def show_merchant(request: Request) -> schemas.MerchantOut:
    return _merchant_out(await service.get_merchant(_deps(request), principal(request).tenant))


@router.get("/api/merchant/v1/stores", dependencies=[guard("user", "stores.read")])
async def list_stores(
    request: Request, page: PageNumber = 1, page_size: PageSize = 100
) -> schemas.StorePage:
    tenant_id = principal(request).tenant
    rows, total = await service.list_stores(
        _deps(request), tenant_id, page=page, page_size=page_size
    )
    items = [_store_out(row) for row in rows]
    return schemas.StorePage(items=items, total=total, page=page, page_size=page_size)


@router.post(
    "/api/merchant/v1/stores", dependencies=[guard("user", "stores.write")], status_code=201
)
async def create_store(request: Request, body: schemas.StoreBody) -> schemas.StoreOut:
    caller = principal(request)
    store = await service.create_store(
        _deps(request), caller.tenant, name=body.name, actor=_actor(caller)
    )
    return _store_out(store)


# --- apps


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


@router.get("/api/merchant/v1/apps", dependencies=[guard("user", "apps.read")])
async def list_apps(request: Request) -> schemas.AppList:
    found = await apps.list_apps(_deps(request), principal(request).tenant)
    return schemas.AppList(items=[answers.app_out(bound) for bound in found])


@router.put("/api/merchant/v1/apps", dependencies=[guard("user", "apps.write")])
async def bind_app(request: Request, body: schemas.AppBody) -> schemas.AppOut:
    caller = principal(request)
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
    found = await apps.bind_app(_deps(request), caller.tenant, change, actor=_actor(caller))
    return answers.app_out(found)


# --- for the gateway


@router.get("/internal/apps/{app_id}", dependencies=[guard("service")])
async def find_app(request: Request, app_id: Annotated[str, Path()]) -> schemas.BoundAppOut:
    _only(request, ALIPAY_KEY_READERS)
    return answers.bound_app_out(await apps.find_app(_deps(request), app_id=app_id))


@router.get("/internal/notify-routes/{route}", dependencies=[guard("service")])
async def find_route(request: Request, route: Annotated[str, Path()]) -> schemas.BoundAppOut:
    _only(request, ALIPAY_KEY_READERS)
    return answers.bound_app_out(await apps.find_app(_deps(request), notify_route=route))


@router.post("/internal/sessions/resolve", dependencies=[guard("service")])
async def resolve_session(request: Request, body: schemas.ResolveBody) -> schemas.ResolvedOut:
    _only(request, SESSION_READERS)
    session, user = await sessions.resolve_session(_deps(request), body.session_hash)
    return schemas.ResolvedOut(
        session_id=session.session_id,
        user_id=user.user_id,
        tenant_id=user.tenant_id,
        permissions=sorted(PERMISSIONS[Role(user.role)]),
        csrf_token_hash=session.csrf_token_hash,
        expires_at=session.expires_at,
    )


# --- rows to answers


def _user_out(user: User) -> schemas.UserOut:
    return schemas.UserOut(user_id=user.user_id, login=user.login, role=user.role)


def _merchant_out(row: Merchant) -> schemas.MerchantOut:
    return schemas.MerchantOut(merchant_id=row.tenant_id, name=row.name, created_at=row.created_at)


def _store_out(row: Store) -> schemas.StoreOut:
    return schemas.StoreOut(store_id=row.store_id, name=row.name, created_at=row.created_at)


def _session_out(session: Session, user: User, merchant: Merchant | None) -> schemas.SessionOut:
    return schemas.SessionOut(
        user=_user_out(user),
        merchant=_merchant_out(merchant) if merchant else None,
        permissions=sorted(PERMISSIONS[Role(user.role)]),
        expires_at=session.expires_at,
    )
