"""The HTTP routes of the first run: public, until the platform has an operator."""

from fastapi import APIRouter, Request

from services.binding.callers import OPERATOR
from services.binding.expensive import expensive
from services.binding.people import schemas
from services.binding.people.first_run import FirstRun
from services.binding.sign_in import schemas as sign_in_schemas
from services.binding.sign_in.views import person_out
from shared.web import guard

router = APIRouter()


def _first_run(request: Request) -> FirstRun:
    found: FirstRun = request.app.state.first_run
    return found


@router.get(f"{OPERATOR}/first-run", dependencies=[guard("public")])
async def show_first_run(request: Request) -> schemas.FirstRunOut:
    """Whether this platform waits for its first operator."""
    return schemas.FirstRunOut(is_needed=await _first_run(request).is_needed())


@router.post(
    f"{OPERATOR}/first-run", dependencies=[guard("public"), expensive("sign_in")], status_code=201
)
async def make_first_operator(
    request: Request, body: schemas.FirstRunBody
) -> sign_in_schemas.PersonOut:
    """Creates the first operator, who then signs in like anybody else. The setup code is in a file
    on the server (SETUP_CODE_FILE) and can be used once."""
    user = await _first_run(request).make_operator(
        body.setup_code.get_secret_value(),
        login=body.login,
        password=body.password.get_secret_value(),
    )
    return person_out(user)
