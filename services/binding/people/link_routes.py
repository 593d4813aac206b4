"""The HTTP routes of one-time links, with which a person chooses a password."""

from fastapi import APIRouter, Request, Response

from services.binding.callers import PUBLIC, deps_of
from services.binding.expensive import expensive
from services.binding.people import links, schemas
from services.binding.sign_in.cookies import cookie_hash, give_cookies
from services.binding.tenancy.rules import Role
from shared.web import guard

router = APIRouter()


@router.post(f"{PUBLIC}/password-link", dependencies=[guard("public")])
async def show_password_link(request: Request, body: schemas.LinkTokenBody) -> schemas.LinkShownOut:
    """Returns the account whose password the link sets. It is a POST, so that the token is in no
    address."""
    user = await links.account_of(deps_of(request), body.token.get_secret_value())
    return schemas.LinkShownOut(login=user.login, name=user.name, console=Role(user.role).console)


@router.post(f"{PUBLIC}/password", dependencies=[guard("public"), expensive("sign_in")])
async def choose_password(
    request: Request, response: Response, body: schemas.ChosenPasswordBody
) -> schemas.LinkShownOut:
    """Sets the password of the link's account. The person then signs in with it."""
    user, browser = await links.use(
        deps_of(request),
        body.token.get_secret_value(),
        body.password.get_secret_value(),
        cookie_hash(request, "browser"),
    )
    give_cookies(response, None, browser)
    return schemas.LinkShownOut(login=user.login, name=user.name, console=Role(user.role).console)
