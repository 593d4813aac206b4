"""The HTTP door of sessions, the same at both consoles, and the edge's question about them."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from structlog.contextvars import get_contextvars

from services.binding import acting, people_schemas, permissions, schemas, sessions
from services.binding.callers import EDGE_ONLY, deps_of, only
from services.binding.costly import costly
from services.binding.domain import Console
from services.binding.models import Acting, Merchant, User
from services.binding.permissions import OWN
from services.binding.sessions import Shown
from shared.tokens import Principal
from shared.web import guard, principal

COOKIE = "__Host-damselfly"
COOKIE_RULES = "Path=/; Secure; HttpOnly; SameSite=Strict"
MERCHANT, OPERATOR = "/api/merchant/v1", "/api/operator/v1"

router = APIRouter()


async def _sign_in(
    request: Request, response: Response, console: Console, body: schemas.LoginBody
) -> people_schemas.SessionOpenedOut:
    found = await sessions.sign_in(
        deps_of(request),
        console,
        login=body.login,
        password=body.password.get_secret_value(),
        user_agent=request.headers.get("user-agent", ""),
        address=str(get_contextvars().get("client_address", "")),
    )
    response.headers["Set-Cookie"] = f"{COOKIE}={found.cookie}; {COOKIE_RULES}"
    response.headers["Cache-Control"] = "no-store"
    shown = session_out(found.shown, None)
    return people_schemas.SessionOpenedOut(csrf_token=found.csrf_token, **dict(shown))


async def _show(request: Request, console: Console) -> people_schemas.SessionOut:
    caller = principal(request)
    return session_out(await sessions.current_session(deps_of(request), console, caller), caller)


async def _sign_out(request: Request) -> Response:
    await sessions.sign_out(deps_of(request), principal(request))
    gone = f"{COOKIE}=; {COOKIE_RULES}; Max-Age=0"
    return Response(status_code=204, headers={"Set-Cookie": gone, "Cache-Control": "no-store"})


async def _step_up(request: Request, body: people_schemas.StepUpBody) -> people_schemas.StepUpOut:
    until = await sessions.step_up(
        deps_of(request), principal(request), body.password.get_secret_value()
    )
    return people_schemas.StepUpOut(step_up_until=until)


async def _list(request: Request) -> people_schemas.SessionPage:
    caller = principal(request)
    rows = await sessions.list_sessions(deps_of(request), caller)
    items = [
        people_schemas.SessionItemOut(
            session_id=row.session_id,
            created_at=row.created_at,
            seen_at=row.seen_at,
            expires_at=row.expires_at,
            user_agent=row.user_agent,
            address=row.address,
            is_current=str(row.session_id) == caller.session_id,
        )
        for row in rows
    ]
    size = max(1, len(items))
    return people_schemas.SessionPage(items=items, total=len(items), page=1, page_size=size)


async def _change_password(request: Request, body: people_schemas.PasswordBody) -> Response:
    await sessions.change_password(
        deps_of(request),
        principal(request),
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
    )
    return Response(status_code=204)


@router.post(f"{MERCHANT}/session", dependencies=[guard("public"), costly("sign_in")])
async def sign_in_merchant(
    request: Request, response: Response, body: schemas.LoginBody
) -> people_schemas.SessionOpenedOut:
    return await _sign_in(request, response, "merchant", body)


@router.post(f"{OPERATOR}/session", dependencies=[guard("public"), costly("sign_in")])
async def sign_in_operator(
    request: Request, response: Response, body: schemas.LoginBody
) -> people_schemas.SessionOpenedOut:
    return await _sign_in(request, response, "operator", body)


@router.get(f"{MERCHANT}/session", dependencies=[guard("user")])
async def show_merchant_session(request: Request) -> people_schemas.SessionOut:
    return await _show(request, "merchant")


@router.get(f"{OPERATOR}/session", dependencies=[guard("user")])
async def show_operator_session(request: Request) -> people_schemas.SessionOut:
    return await _show(request, "operator")


@router.delete(f"{MERCHANT}/session", dependencies=[guard("user")], status_code=204)
async def sign_out_merchant(request: Request) -> Response:
    return await _sign_out(request)


@router.delete(f"{OPERATOR}/session", dependencies=[guard("user")], status_code=204)
async def sign_out_operator(request: Request) -> Response:
    return await _sign_out(request)


@router.post(f"{MERCHANT}/session/step-up", dependencies=[guard("user"), costly("password")])
async def step_up_merchant(
    request: Request, body: people_schemas.StepUpBody
) -> people_schemas.StepUpOut:
    """The password once more: for five minutes keys, refunds and roles may be changed."""
    return await _step_up(request, body)


@router.post(f"{OPERATOR}/session/step-up", dependencies=[guard("user"), costly("password")])
async def step_up_operator(
    request: Request, body: people_schemas.StepUpBody
) -> people_schemas.StepUpOut:
    """The password once more: for five minutes roles may be changed and acting may begin."""
    return await _step_up(request, body)


@router.get(f"{MERCHANT}/sessions", dependencies=[guard("user", OWN)])
async def list_merchant_sessions(request: Request) -> people_schemas.SessionPage:
    return await _list(request)


@router.get(f"{OPERATOR}/sessions", dependencies=[guard("user", OWN)])
async def list_operator_sessions(request: Request) -> people_schemas.SessionPage:
    return await _list(request)


@router.delete(f"{MERCHANT}/sessions", dependencies=[guard("user", OWN)], status_code=204)
async def end_other_merchant_sessions(request: Request) -> None:
    await sessions.end_other_sessions(deps_of(request), principal(request))


@router.delete(f"{OPERATOR}/sessions", dependencies=[guard("user", OWN)], status_code=204)
async def end_other_operator_sessions(request: Request) -> None:
    await sessions.end_other_sessions(deps_of(request), principal(request))


@router.delete(
    f"{MERCHANT}/sessions/{{session_id}}", dependencies=[guard("user", OWN)], status_code=204
)
async def end_merchant_session(request: Request, session_id: UUID) -> None:
    await sessions.end_session(deps_of(request), principal(request), session_id)


@router.delete(
    f"{OPERATOR}/sessions/{{session_id}}", dependencies=[guard("user", OWN)], status_code=204
)
async def end_operator_session(request: Request, session_id: UUID) -> None:
    await sessions.end_session(deps_of(request), principal(request), session_id)


@router.post(
    f"{MERCHANT}/password", dependencies=[guard("user", OWN), costly("password")], status_code=204
)
async def change_merchant_password(request: Request, body: people_schemas.PasswordBody) -> Response:
    """One's own password; all other sessions of the account end."""
    return await _change_password(request, body)


@router.post(
    f"{OPERATOR}/password", dependencies=[guard("user", OWN), costly("password")], status_code=204
)
async def change_operator_password(request: Request, body: people_schemas.PasswordBody) -> Response:
    """One's own password; all other sessions of the account end."""
    return await _change_password(request, body)


@router.post(
    f"{OPERATOR}/acting",
    dependencies=[guard("user", "acting.use", step_up=True)],
    status_code=201,
)
async def start_acting(
    request: Request, body: people_schemas.ActingBody
) -> people_schemas.SessionOut:
    """From now on the merchant console answers this session for that merchant."""
    shown = await acting.start_acting(
        deps_of(request),
        principal(request),
        body.merchant_id,
        reason=body.reason,
        minutes=body.minutes,
    )
    return session_out(shown, None)


@router.delete(f"{OPERATOR}/acting", dependencies=[guard("user", "acting.use")], status_code=204)
async def stop_acting(request: Request) -> None:
    await acting.stop_acting(deps_of(request), principal(request))


@router.post("/internal/sessions/resolve", dependencies=[guard("service")])
async def resolve_session(
    request: Request, body: schemas.ResolveBody
) -> people_schemas.ResolvedOut:
    only(request, EDGE_ONLY)
    found = await sessions.resolve_session(deps_of(request), body.session_hash)
    session, user, grant = found.session, found.user, found.acting
    return people_schemas.ResolvedOut(
        session_id=session.session_id,
        user_id=user.user_id,
        tenant_id=user.tenant_id,
        permissions=sorted(permissions.of_role(user.role)),
        store_ids=user.store_ids,
        csrf_token_hash=session.csrf_token_hash,
        expires_at=session.expires_at,
        step_up_until=session.step_up_until,
        acting=people_schemas.ResolvedActing(
            acting_id=grant.acting_id,
            tenant_id=grant.tenant_id,
            permissions=sorted(permissions.ACTING),
            until=grant.until,
        )
        if grant
        else None,
    )


# --- rows to answers


def session_out(shown: Shown, caller: Principal | None) -> people_schemas.SessionOut:
    """`caller` tells whether this is the merchant console under an operator's hand."""
    session, user, merchant, grant = shown.session, shown.user, shown.merchant, shown.acting
    is_acting_here = grant is not None and caller is not None and caller.acting_id is not None
    granted = permissions.ACTING if is_acting_here else permissions.of_role(user.role)
    is_own = merchant is not None and (grant is None or is_acting_here)
    return people_schemas.SessionOut(
        user=person_out(user),
        merchant=_merchant_out(merchant) if merchant and is_own else None,
        permissions=sorted(granted),
        expires_at=session.expires_at,
        step_up_until=session.step_up_until,
        acting=_acting_out(grant, merchant) if grant else None,
    )


def person_out(user: User) -> people_schemas.PersonOut:
    return people_schemas.PersonOut(
        user_id=user.user_id,
        login=user.login,
        name=user.name,
        role=user.role,
        store_ids=user.store_ids,
    )


def _merchant_out(row: Merchant) -> people_schemas.SessionMerchantOut:
    return people_schemas.SessionMerchantOut(
        merchant_id=row.tenant_id, name=row.name, edition=row.edition, created_at=row.created_at
    )


def _acting_out(grant: Acting, merchant: Merchant | None) -> people_schemas.ActingOut:
    return people_schemas.ActingOut(
        merchant_id=grant.tenant_id,
        merchant_name=merchant.name if merchant else "",
        reason=grant.reason,
        until=grant.until,
    )
