"""The HTTP door of sessions, the same at both consoles, and the edge's question about them."""

import re
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from structlog.contextvars import get_contextvars

from services.binding import (
    acting,
    domain,
    people_schemas,
    permissions,
    schemas,
    second_factor,
    sessions,
    signing_in,
)
from services.binding.callers import EDGE_ONLY, deps_of, only
from services.binding.costly import costly
from services.binding.domain import Console
from services.binding.links import Link
from services.binding.models import Acting, Merchant, User
from services.binding.permissions import OWN
from services.binding.relying_party import Proof
from services.binding.service import Deps
from services.binding.sessions import Shown
from services.binding.signing_in import Attempt
from shared.tokens import Principal
from shared.web import guard, principal

COOKIE = "__Host-damselfly"
BROWSER_COOKIE = "__Host-damselfly-browser"
"""by it a browser is known that somebody has signed in from: it opens nothing by itself"""
COOKIE_RULES = "Path=/; Secure; HttpOnly; SameSite=Strict"
BROWSER_AGE_S = domain.KNOWN_BROWSER_DAYS * 24 * 3600
MERCHANT, OPERATOR, PUBLIC = "/api/merchant/v1", "/api/operator/v1", "/api/public/v1"
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)

router = APIRouter()


def cookie_hash(request: Request, name: str) -> str | None:
    """The digest of one of the browser's two cookies, as the edge tells it: `session`,
    `browser`."""
    told = request.headers.get(f"x-{name}-cookie-hash", "")
    return told if _HASH.fullmatch(told) else None


def give_cookies(response: Response, cookie: str | None, browser: str | None) -> None:
    """New cookies for the answer; the browser's goes out under a name that the edge spells."""
    response.headers["Cache-Control"] = "no-store"
    if cookie is not None:
        response.headers["Set-Cookie"] = f"{COOKIE}={cookie}; {COOKIE_RULES}"
    if browser is not None:
        aged = f"{BROWSER_COOKIE}={browser}; {COOKIE_RULES}; Max-Age={BROWSER_AGE_S}"
        response.headers["X-Set-Browser-Cookie"] = aged


async def _sign_in(
    request: Request, response: Response, console: Console, body: schemas.LoginBody
) -> people_schemas.SessionOpenedOut:
    attempt = Attempt(
        login=body.login,
        password=body.password.get_secret_value(),
        code=body.code.get_secret_value() if body.code else None,
        proof=Proof(**dict(body.passkey)) if body.passkey else None,
        user_agent=request.headers.get("user-agent", ""),
        address=str(get_contextvars().get("client_address", "")),
        browser_hash=cookie_hash(request, "browser"),
        former_hash=cookie_hash(request, "session"),
    )
    found = await signing_in.sign_in(deps_of(request), console, attempt)
    give_cookies(response, found.cookie, found.browser)
    shown = session_out(deps_of(request), found.shown, None)
    return people_schemas.SessionOpenedOut(csrf_token=found.csrf_token, **dict(shown))


async def _show(request: Request, console: Console) -> people_schemas.SessionOut:
    caller, deps = principal(request), deps_of(request)
    return session_out(deps, await sessions.current_session(deps, console, caller), caller)


async def _sign_out(request: Request) -> Response:
    await sessions.sign_out(deps_of(request), principal(request))
    gone = f"{COOKIE}=; {COOKIE_RULES}; Max-Age=0"
    return Response(status_code=204, headers={"Set-Cookie": gone, "Cache-Control": "no-store"})


async def _step_up(
    request: Request, response: Response, body: people_schemas.StepUpBody
) -> people_schemas.StepUpOut:
    deps, caller = deps_of(request), principal(request)
    if body.passkey is not None:
        proof = Proof(**dict(body.passkey))
        until, cookie = await signing_in.step_up_by_passkey(deps, caller, proof)
    else:
        password = body.password.get_secret_value() if body.password else ""
        code = body.code.get_secret_value() if body.code else None
        until, cookie = await signing_in.step_up(deps, caller, password, code)
    give_cookies(response, cookie, None)
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
    cookie = await signing_in.change_password(
        deps_of(request),
        principal(request),
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
        cookie_hash(request, "browser"),
    )
    response = Response(status_code=204)
    give_cookies(response, cookie, None)
    return response


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
    request: Request, response: Response, body: people_schemas.StepUpBody
) -> people_schemas.StepUpOut:
    """The password once more, or a passkey: for five minutes keys, refunds and roles may be
    changed."""
    return await _step_up(request, response, body)


@router.post(f"{OPERATOR}/session/step-up", dependencies=[guard("user"), costly("password")])
async def step_up_operator(
    request: Request, response: Response, body: people_schemas.StepUpBody
) -> people_schemas.StepUpOut:
    """The password once more, or a passkey: for five minutes roles may be changed and acting may
    begin."""
    return await _step_up(request, response, body)


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
    return session_out(deps_of(request), shown, None)


@router.delete(f"{OPERATOR}/acting", dependencies=[guard("user", "acting.use")], status_code=204)
async def stop_acting(request: Request) -> None:
    await acting.stop_acting(deps_of(request), principal(request))


@router.post("/internal/sessions/resolve", dependencies=[guard("service")])
async def resolve_session(
    request: Request, body: schemas.ResolveBody
) -> people_schemas.ResolvedOut:
    only(request, EDGE_ONLY)
    deps = deps_of(request)
    found = await sessions.resolve_session(deps, body.session_hash)
    session, user, running = found.session, found.user, found.acting
    until, step_up_until = session.expires_at, session.step_up_until
    if found.is_former and session.previous_until is not None:
        until = min(until, session.previous_until)
        step_up_until = session.previous_step_up_until
    if second_factor.is_missing(deps, user):
        running = None
    return people_schemas.ResolvedOut(
        session_id=session.session_id,
        user_id=user.user_id,
        name=user.name or user.login,
        tenant_id=user.tenant_id,
        permissions=_granted(deps, user),
        store_ids=user.store_ids,
        csrf_token_hash=session.csrf_token_hash,
        expires_at=until,
        step_up_until=step_up_until,
        acting=people_schemas.ResolvedActing(
            acting_id=running.acting_id,
            tenant_id=running.tenant_id,
            permissions=sorted(permissions.of_acting(user.role)),
            until=running.until,
            more=[
                people_schemas.ResolvedMore(
                    permissions=sorted(permissions.ACTING_MORE[one.permission_set]),
                    until=one.until,
                )
                for one in found.more
            ],
        )
        if running
        else None,
    )


# --- rows to answers


def _granted(deps: Deps, user: User) -> list[str]:
    """What the person may do: until a second factor that is asked for is set up, only that."""
    if second_factor.is_missing(deps, user):
        return [OWN]
    return sorted(permissions.of_user(user.role, user.limited_until, deps.clock.now()))


def session_out(deps: Deps, shown: Shown, caller: Principal | None) -> people_schemas.SessionOut:
    """`caller` tells whether this is the merchant console under an operator's hand."""
    session, user, merchant, running = shown.session, shown.user, shown.merchant, shown.acting
    is_acting_here = running is not None and caller is not None and caller.acting_id is not None
    granted = _granted(deps, user)
    if is_acting_here:
        more = [one.permission_set for one in shown.more]
        granted = sorted(permissions.of_acting(user.role, more))
    is_own = merchant is not None and (running is None or is_acting_here)
    return people_schemas.SessionOut(
        user=person_out(user),
        merchant=_merchant_out(merchant) if merchant and is_own else None,
        permissions=granted,
        expires_at=session.expires_at,
        step_up_until=session.step_up_until,
        acting=_acting_out(running, merchant) if running else None,
        limited_until=_still(deps, user),
        needs_second_factor=second_factor.is_missing(deps, user),
    )


def _still(deps: Deps, user: User) -> datetime | None:
    until = user.limited_until
    return until if until is not None and deps.clock.now() < until else None


def person_out(user: User) -> people_schemas.PersonOut:
    return people_schemas.PersonOut(
        user_id=user.user_id,
        login=user.login,
        name=user.name,
        role=user.role,
        store_ids=user.store_ids,
        has_second_factor=second_factor.has_one(user),
        has_authenticator_app=user.totp_since is not None,
        has_passkeys=user.passkey_count > 0,
    )


def link_out(link: Link) -> schemas.LinkOut:
    return schemas.LinkOut(token=link.token, expires_at=link.expires_at)


def _merchant_out(row: Merchant) -> people_schemas.SessionMerchantOut:
    return people_schemas.SessionMerchantOut(
        merchant_id=row.tenant_id,
        name=row.name,
        handle=row.handle,
        edition=row.edition,
        created_at=row.created_at,
    )


def _acting_out(row: Acting, merchant: Merchant | None) -> people_schemas.ActingOut:
    return people_schemas.ActingOut(
        merchant_id=row.tenant_id,
        merchant_name=merchant.name if merchant else "",
        reason=row.reason,
        until=row.until,
    )
