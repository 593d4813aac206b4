"""The HTTP endpoint for app-gateway messages that the edge has verified."""

from fastapi import APIRouter, Request

from services.device.releases import messages
from services.device.releases.schemas import MessageBody, MessageVerdictOut
from shared.contracts.speakers import EDGE
from shared.web import guard, principal

router = APIRouter()


@router.post("/internal/messages", dependencies=[guard("service", issuers={EDGE})])
async def take_message(request: Request, body: MessageBody) -> MessageVerdictOut:
    """Takes a message that the edge has verified. The response means that it is committed."""
    word = await messages.take_message(
        request.app.state.deps,
        principal(request).tenant,
        body.app_id,
        body.fields,
        body.body_b64,
        body.received_at,
    )
    return MessageVerdictOut(verdict=word)
