"""The HTTP routes of sessions, the same at both consoles, and the edge's route to resolve one."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from structlog.contextvars import get_contextvars

from services.binding.callers import MERCHANT, OPERATOR, deps_of
from services.binding.crypto.relying_party import Assertion
from services.binding.expensive import expensive
from services.binding.sessions import service as sessions
from services.binding.sign_in import schemas, service
from services.binding.sign_in.cookies import COOKIE, COOKIE_RULES, cookie_hash, give_cookies
from services.binding.sign_in.service import Attempt
from services.binding.sign_in.views import resolved_out, session_out
from services.binding.tenancy.permissions import OWN
from services.binding.tenancy.rules import Console
from shared.contracts import documents
from shared.contracts.speakers import EDGE
from shared.web import guard, principal

router = APIRouter()
gateway_router = APIRouter()


async def _sign_in(
    request: Request, response: Response, console: Console, body: schemas.LoginBody
) -> schemas.SessionOpenedOut:
    attempt = Attempt(
        login=body.login,
        password=body.password.get_secret_value(),
        code=body.code.get_secret_value() if body.code else None,
        proof=Assertion(**dict(body.passkey)) if body.passkey else None,
        user_agent=request.headers.get("user-agent", ""),
        address=str(get_contextvars().get("client_address", "")),
        browser_hash=cookie_hash(request, "browser"),
        former_hash=cookie_hash(request, "session"),
    )
    found = await service.sign_in(deps_of(request), console, attempt)
    give_cookies(response, found.cookie, found.browser)
    shown = session_out(deps_of(request), found.shown, None)
    return schemas.SessionOpenedOut(csrf_token=found.csrf_token, **dict(shown))


async def _show(request: Request, console: Console) -> schemas.SessionOut:
    caller, deps = principal(request), deps_of(request)
    return session_out(deps, await sessions.current_session(deps, console, caller), caller)


async def _sign_out(request: Request) -> Response:
    await sessions.sign_out(deps_of(request), principal(request))
    gone = f"{COOKIE}=; {COOKIE_RULES}; Max-Age=0"
    return Response(status_code=204, headers={"Set-Cookie": gone, "Cache-Control": "no-store"})


async def _step_up(
    request: Request, response: Response, body: schemas.StepUpBody
) -> schemas.StepUpOut:
    deps, caller = deps_of(request), principal(request)
    if body.passkey is not None:
        proof = Assertion(**dict(body.passkey))
        until, cookie = await service.step_up_by_passkey(deps, caller, proof)
    else:
        password = body.password.get_secret_value() if body.password else ""
        code = body.code.get_secret_value() if body.code else None
        until, cookie = await service.step_up(deps, caller, password, code)
    give_cookies(response, cookie, None)
    return schemas.StepUpOut(step_up_until=until)


async def _list(request: Request) -> schemas.SessionPage:
    caller = principal(request)
    rows = await sessions.list_sessions(deps_of(request), caller)
    items = [
        schemas.SessionItemOut(
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
    return schemas.SessionPage(items=items, total=len(items), page=1, page_size=size)


async def _change_password(request: Request, body: schemas.PasswordBody) -> Response:
    cookie = await service.change_password(
        deps_of(request),
        principal(request),
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
        cookie_hash(request, "browser"),
    )
    response = Response(status_code=204)
    give_cookies(response, cookie, None)
    return response


@router.post(f"{MERCHANT}/session", dependencies=[guard("public"), expensive("sign_in")])
async def sign_in_merchant(
    request: Request, response: Response, body: schemas.LoginBody
) -> schemas.SessionOpenedOut:
    return await _sign_in(request, response, "merchant", body)


@router.post(f"{OPERATOR}/session", dependencies=[guard("public"), expensive("sign_in")])
async def sign_in_operator(
    request: Request, response: Response, body: schemas.LoginBody
) -> schemas.SessionOpenedOut:
    return await _sign_in(request, response, "operator", body)


@router.get(f"{MERCHANT}/session", dependencies=[guard("user")])
async def show_merchant_session(request: Request) -> schemas.SessionOut:
    return await _show(request, "merchant")


@router.get(f"{OPERATOR}/session", dependencies=[guard("user")])
async def show_operator_session(request: Request) -> schemas.SessionOut:
    return await _show(request, "operator")


@router.delete(f"{MERCHANT}/session", dependencies=[guard("user")], status_code=204)
async def sign_out_merchant(request: Request) -> Response:
    return await _sign_out(request)


@router.delete(f"{OPERATOR}/session", dependencies=[guard("user")], status_code=204)
async def sign_out_operator(request: Request) -> Response:
    return await _sign_out(request)


@router.post(f"{MERCHANT}/session/step-up", dependencies=[guard("user"), expensive("password")])
async def step_up_merchant(
    request: Request, response: Response, body: schemas.StepUpBody
) -> schemas.StepUpOut:
    """Checks the password or a passkey once more. For five minutes afterwards the session may
    change keys and roles and give refunds."""
    return await _step_up(request, response, body)


@router.post(f"{OPERATOR}/session/step-up", dependencies=[guard("user"), expensive("password")])
async def step_up_operator(
    request: Request, response: Response, body: schemas.StepUpBody
) -> schemas.StepUpOut:
    """Checks the password or a passkey once more. For five minutes afterwards the session may
    change roles and start acting."""
    return await _step_up(request, response, body)


@router.get(f"{MERCHANT}/sessions", dependencies=[guard("user", OWN)])
async def list_merchant_sessions(request: Request) -> schemas.SessionPage:
    return await _list(request)


@router.get(f"{OPERATOR}/sessions", dependencies=[guard("user", OWN)])
async def list_operator_sessions(request: Request) -> schemas.SessionPage:
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
    f"{MERCHANT}/password",
    dependencies=[guard("user", OWN), expensive("password")],
    status_code=204,
)
async def change_merchant_password(request: Request, body: schemas.PasswordBody) -> Response:
    """Changes the caller's own password; all other sessions of the account end."""
    return await _change_password(request, body)


@router.post(
    f"{OPERATOR}/password",
    dependencies=[guard("user", OWN), expensive("password")],
    status_code=204,
)
async def change_operator_password(request: Request, body: schemas.PasswordBody) -> Response:
    """Changes the caller's own password; all other sessions of the account end."""
    return await _change_password(request, body)


@gateway_router.post("/internal/sessions/resolve", dependencies=[guard("service", issuers={EDGE})])
async def resolve_session(request: Request, body: documents.ResolveBody) -> documents.ResolvedOut:
    deps = deps_of(request)
    return resolved_out(deps, await sessions.resolve_session(deps, body.session_hash))
