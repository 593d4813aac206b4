"""Bodies about passkeys: what a browser tells of an authenticator, and what is shown of it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.binding.schemas import BASE64URL, Body, ClientData, CredentialId, Instant, Name
from shared.fields import Text, Word

TRANSPORTS_MAX = 16


class PasskeyBody(Body):
    """What an authenticator made (RegistrationResponseJSON, the members that count)."""

    name: Name
    credential_id: CredentialId
    client_data: ClientData
    attestation: Annotated[str, Text(16 * 1024, pattern=BASE64URL)]
    transports: Annotated[list[Word], Field(max_length=TRANSPORTS_MAX)] = Field(
        default_factory=list
    )
    """how the browser reaches it the next time"""


class PasskeyOptionsOut(BaseModel):
    options: dict[str, Any]
    """for navigator.credentials: PublicKeyCredentialCreationOptionsJSON, or ...RequestOptionsJSON
    (WebAuthn Level 3); its challenge counts for five minutes, once"""


class PasskeyOut(BaseModel):
    passkey_id: UUID
    name: str
    created_at: Instant
    last_used_at: Instant | None
    """null: not used yet"""


class PasskeyMadeOut(PasskeyOut):
    recovery_codes: list[str]
    """told once, with the account's first second factor; else none"""


class PasskeyList(BaseModel):
    items: list[PasskeyOut]
    limit: int
    origin: str | None
    """where browsers can use them; null: nowhere, the platform has no https name"""
