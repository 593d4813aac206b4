"""Bodies about releases."""

from typing import Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict

from services.device.releases.rules import MessageWord
from shared.contracts.fields import Instant, Verbatim, Word

Value = Annotated[str, Verbatim(64 * 1024)]


class MessageBody(BaseModel):
    """POST /internal/messages"""

    model_config = ConfigDict(extra="ignore", frozen=True)

    app_id: Word
    body_b64: Base64Bytes
    fields: dict[Value, Value]
    received_at: Instant


class MessageVerdictOut(BaseModel):
    verdict: MessageWord
