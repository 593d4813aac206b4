"""The door for app-gateway messages that the edge has verified."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Base64Bytes, BaseModel, ConfigDict

from services.binding.messages import service
from shared.contracts.fields import Instant, Verbatim, Word
from shared.errors import Forbidden
from shared.serve import json_response
from shared.web import guard, parse, principal

EDGE = "gateway-edge"

Said = Annotated[str, Verbatim(64 * 1024)]

router = APIRouter()


class MessageBody(BaseModel):
    """POST /internal/messages"""

    model_config = ConfigDict(extra="ignore", frozen=True)

    app_id: Word
    body_b64: Base64Bytes
    fields: dict[Said, Said]
    received_at: Instant


@router.post("/internal/messages", dependencies=[guard("service")])
async def take_message(request: Request) -> Response:
    """A message that the edge has verified; the answer means that it is committed."""
    caller = principal(request)
    if caller.issuer != EDGE:
        raise Forbidden("this door is for the gateway's edge")
    body = await parse(request, MessageBody)
    word = await service.take_message(
        request.app.state.deps,
        caller.tenant,
        body.app_id,
        body.fields,
        body.body_b64,
        body.received_at,
    )
    return json_response({"verdict": word})
