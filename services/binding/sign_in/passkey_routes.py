"""The HTTP routes of passkeys, the same at both consoles. Signing in with one is in `routes`."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.binding.callers import MERCHANT, OPERATOR, deps_of
from services.binding.crypto.relying_party import NewCredential
from services.binding.sign_in import passkeys, service
from services.binding.sign_in.models import Passkey
from services.binding.sign_in.schemas import (
    PasskeyBody,
    PasskeyList,
    PasskeyMadeOut,
    PasskeyOptionsOut,
    PasskeyOut,
)
from services.binding.tenancy.permissions import OWN
from shared.web import guard, principal

router = APIRouter()
_OWN, _CONFIRMED = [guard("user", OWN)], [guard("user", OWN, step_up=True)]


def _out(row: Passkey) -> PasskeyOut:
    return PasskeyOut(
        passkey_id=row.passkey_id,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


async def _list(request: Request) -> PasskeyList:
    deps = deps_of(request)
    rows = await passkeys.list_own(deps, principal(request))
    party = deps.relying_party
    return PasskeyList(
        items=[_out(row) for row in rows],
        limit=passkeys.PASSKEYS_MAX,
        origin=party.origin if party is not None else None,
    )


async def _begin(request: Request) -> PasskeyOptionsOut:
    return PasskeyOptionsOut(options=await passkeys.begin(deps_of(request), principal(request)))


async def _add(request: Request, response: Response, body: PasskeyBody) -> PasskeyMadeOut:
    new = NewCredential(body.credential_id, body.client_data, body.attestation)
    made = await passkeys.add(deps_of(request), principal(request), body.name, body.transports, new)
    response.headers["Cache-Control"] = "no-store"
    return PasskeyMadeOut(recovery_codes=made.recovery_codes, **dict(_out(made.passkey)))


async def _ask(request: Request) -> PasskeyOptionsOut:
    options = await service.passkey_challenge(deps_of(request), principal(request))
    return PasskeyOptionsOut(options=options)


@router.get(f"{MERCHANT}/passkeys", dependencies=_OWN)
async def list_merchant_passkeys(request: Request) -> PasskeyList:
    return await _list(request)


@router.get(f"{OPERATOR}/passkeys", dependencies=_OWN)
async def list_operator_passkeys(request: Request) -> PasskeyList:
    return await _list(request)


@router.post(f"{MERCHANT}/passkeys/options", dependencies=_CONFIRMED)
async def begin_merchant_passkey(request: Request) -> PasskeyOptionsOut:
    """The options with which the browser creates a passkey."""
    return await _begin(request)


@router.post(f"{OPERATOR}/passkeys/options", dependencies=_CONFIRMED)
async def begin_operator_passkey(request: Request) -> PasskeyOptionsOut:
    """The options with which the browser creates a passkey."""
    return await _begin(request)


@router.post(f"{MERCHANT}/passkeys", dependencies=_CONFIRMED, status_code=201)
async def add_merchant_passkey(
    request: Request, response: Response, body: PasskeyBody
) -> PasskeyMadeOut:
    return await _add(request, response, body)


@router.post(f"{OPERATOR}/passkeys", dependencies=_CONFIRMED, status_code=201)
async def add_operator_passkey(
    request: Request, response: Response, body: PasskeyBody
) -> PasskeyMadeOut:
    return await _add(request, response, body)


@router.delete(f"{MERCHANT}/passkeys/{{passkey_id}}", dependencies=_CONFIRMED, status_code=204)
async def remove_merchant_passkey(request: Request, passkey_id: UUID) -> None:
    await passkeys.remove(deps_of(request), principal(request), passkey_id)


@router.delete(f"{OPERATOR}/passkeys/{{passkey_id}}", dependencies=_CONFIRMED, status_code=204)
async def remove_operator_passkey(request: Request, passkey_id: UUID) -> None:
    await passkeys.remove(deps_of(request), principal(request), passkey_id)


@router.post(f"{MERCHANT}/passkeys/challenge", dependencies=_OWN)
async def challenge_merchant_passkey(request: Request) -> PasskeyOptionsOut:
    """The challenge that one of the caller's passkeys signs for the step-up."""
    return await _ask(request)


@router.post(f"{OPERATOR}/passkeys/challenge", dependencies=_OWN)
async def challenge_operator_passkey(request: Request) -> PasskeyOptionsOut:
    """The challenge that one of the caller's passkeys signs for the step-up."""
    return await _ask(request)
