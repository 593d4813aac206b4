"""The HTTP endpoint for app-gateway messages that the edge has verified."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.device.releases import messages
from services.device.releases.schemas import MessageBody
from shared.errors import Forbidden
from shared.serve import json_response
from shared.web import guard, parse, principal

EDGE = "gateway-edge"

router = APIRouter()


@router.post("/internal/messages", dependencies=[guard("service")])
async def take_message(request: Request) -> Response:
    """A message that the edge has verified; the answer means that it is committed."""
    caller = principal(request)
    if caller.issuer != EDGE:
        raise Forbidden("this door is for the gateway's edge")
    body = await parse(request, MessageBody)
    word = await messages.take_message(
        request.app.state.deps,
        caller.tenant,
        body.app_id,
        body.fields,
        body.body_b64,
        body.received_at,
    )
    return json_response({"verdict": word})
