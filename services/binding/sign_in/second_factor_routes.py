"""The HTTP routes of an account's protection: its second factor, its last sign-ins."""

from fastapi import APIRouter, Request, Response

from services.binding.callers import MERCHANT, OPERATOR, deps_of
from services.binding.sign_in import refusals, schemas, second_factor
from services.binding.sign_in.schemas import SignInOut
from services.binding.tenancy.permissions import OWN
from shared.web import guard, principal

router = APIRouter()


async def _show(request: Request) -> schemas.SecondFactorOut:
    found = await second_factor.show(deps_of(request), principal(request))
    return schemas.SecondFactorOut(
        since=found.since,
        recovery_codes_left=found.recovery_codes_left,
        is_required=found.is_required,
    )


async def _begin(request: Request, response: Response) -> schemas.SecondFactorBegunOut:
    import segno  # imported here, because most runs of this process draw no QR code

    secret, uri = await second_factor.begin(deps_of(request), principal(request))
    response.headers["Cache-Control"] = "no-store"
    rows = ["".join("1" if dark else "0" for dark in row) for row in segno.make_qr(uri).matrix]
    return schemas.SecondFactorBegunOut(secret=secret, uri=uri, qr_rows=rows)


async def _confirm(
    request: Request, response: Response, body: schemas.SecondFactorCodeBody
) -> schemas.RecoveryCodesOut:
    codes = await second_factor.confirm(
        deps_of(request), principal(request), body.code.get_secret_value()
    )
    response.headers["Cache-Control"] = "no-store"
    return schemas.RecoveryCodesOut(recovery_codes=codes)


async def _renew(request: Request, response: Response) -> schemas.RecoveryCodesOut:
    codes = await second_factor.renew_recovery_codes(deps_of(request), principal(request))
    response.headers["Cache-Control"] = "no-store"
    return schemas.RecoveryCodesOut(recovery_codes=codes)


async def _recent(request: Request) -> schemas.SignInList:
    opened, refused = await refusals.recent(deps_of(request), principal(request))
    items = [
        SignInOut(
            outcome="accepted", at=row.created_at, tries=1,
            address=row.address, user_agent=row.user_agent,
        )
        for row in opened
    ] + [
        SignInOut(
            outcome="refused", at=row.last_at, tries=row.tries,
            address=row.address, user_agent=row.user_agent,
        )
        for row in refused
    ]  # fmt: skip
    return schemas.SignInList(items=sorted(items, key=lambda item: item.at, reverse=True))


_OWN, _CONFIRMED = [guard("user", OWN)], [guard("user", OWN, step_up=True)]


@router.get(f"{MERCHANT}/second-factor", dependencies=_OWN)
async def show_merchant_second_factor(request: Request) -> schemas.SecondFactorOut:
    return await _show(request)


@router.get(f"{OPERATOR}/second-factor", dependencies=_OWN)
async def show_operator_second_factor(request: Request) -> schemas.SecondFactorOut:
    return await _show(request)


@router.post(f"{MERCHANT}/second-factor", dependencies=_CONFIRMED, status_code=201)
async def begin_merchant_second_factor(
    request: Request, response: Response
) -> schemas.SecondFactorBegunOut:
    """Returns a secret for an authenticator app; it becomes a second factor when one of its codes
    is confirmed."""
    return await _begin(request, response)


@router.post(f"{OPERATOR}/second-factor", dependencies=_CONFIRMED, status_code=201)
async def begin_operator_second_factor(
    request: Request, response: Response
) -> schemas.SecondFactorBegunOut:
    """Returns a secret for an authenticator app; it becomes a second factor when one of its codes
    is confirmed."""
    return await _begin(request, response)


@router.post(f"{MERCHANT}/second-factor/confirm", dependencies=_CONFIRMED)
async def confirm_merchant_second_factor(
    request: Request, response: Response, body: schemas.SecondFactorCodeBody
) -> schemas.RecoveryCodesOut:
    return await _confirm(request, response, body)


@router.post(f"{OPERATOR}/second-factor/confirm", dependencies=_CONFIRMED)
async def confirm_operator_second_factor(
    request: Request, response: Response, body: schemas.SecondFactorCodeBody
) -> schemas.RecoveryCodesOut:
    return await _confirm(request, response, body)


@router.post(f"{MERCHANT}/second-factor/recovery-codes", dependencies=_CONFIRMED)
async def renew_merchant_recovery_codes(
    request: Request, response: Response
) -> schemas.RecoveryCodesOut:
    """Creates new recovery codes; the old ones are no longer valid."""
    return await _renew(request, response)


@router.post(f"{OPERATOR}/second-factor/recovery-codes", dependencies=_CONFIRMED)
async def renew_operator_recovery_codes(
    request: Request, response: Response
) -> schemas.RecoveryCodesOut:
    """Creates new recovery codes; the old ones are no longer valid."""
    return await _renew(request, response)


@router.delete(f"{MERCHANT}/second-factor", dependencies=_CONFIRMED, status_code=204)
async def remove_merchant_second_factor(request: Request) -> None:
    await second_factor.remove(deps_of(request), principal(request))


@router.delete(f"{OPERATOR}/second-factor", dependencies=_CONFIRMED, status_code=204)
async def remove_operator_second_factor(request: Request) -> None:
    await second_factor.remove(deps_of(request), principal(request))


@router.get(f"{MERCHANT}/sign-ins", dependencies=_OWN)
async def list_merchant_sign_ins(request: Request) -> schemas.SignInList:
    """The caller's own last sign-ins, and the number of refused tries by hour."""
    return await _recent(request)


@router.get(f"{OPERATOR}/sign-ins", dependencies=_OWN)
async def list_operator_sign_ins(request: Request) -> schemas.SignInList:
    """The caller's own last sign-ins, and the number of refused tries by hour."""
    return await _recent(request)
