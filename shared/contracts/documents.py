"""The documents of calls between our processes: one class for each, used by both sides.

Responses are parsed leniently (a newer process may add members), request bodies strictly. Boxes are
sealed (`shared.keys.sealed`): only a process with the key of that purpose opens them.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.fields import Id, Instant, Text, Version
from shared.contracts.instants import Instant as WrittenInstant

USES_MAX = 100
"""the most key uses in one report"""
APP_ID = r"^[0-9]{16}$"
API_KEY_ID = r"^[0-9A-Za-z_-]{1,64}$"
AppId = Annotated[str, Text(16, pattern=APP_ID)]


class ResponseDocument(BaseModel):
    """A response; unknown members are ignored, because the other process may be newer. One that is
    not valid is logged without its values, because most hold sealed keys."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, defer_build=True, hide_input_in_errors=True
    )


class RequestDocument(BaseModel):
    """A request body: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


# binding to the edge: sessions, and the API keys of merchants' programs


class ResolveBody(RequestDocument):
    session_hash: Annotated[str, Text(64, pattern=r"^[0-9a-f]{64}$")]


class ResolvedMore(ResponseDocument):
    """For the edge: the additional permissions of a grant, and until when they are valid."""

    permissions: list[str]
    until: WrittenInstant


class ResolvedActing(ResponseDocument):
    """For the edge: the permissions of an acting session at the merchant console, and until
    when."""

    acting_id: UUID
    tenant_id: UUID
    permissions: list[str]
    until: WrittenInstant
    more: list[ResolvedMore]


class ResolvedOut(ResponseDocument):
    """A session as the edge needs it."""

    session_id: UUID
    kind: Literal["user"] = "user"
    user_id: UUID
    name: str
    """the login if there is no name"""
    tenant_id: UUID
    permissions: list[str]
    store_ids: list[UUID]
    csrf_token_hash: str
    expires_at: WrittenInstant
    step_up_until: WrittenInstant | None
    acting: ResolvedActing | None


class SealedApiKeyOut(ResponseDocument):
    """An API key for the edge, which alone can open the box."""

    tenant_id: UUID
    key_id: str
    store_id: UUID | None
    permissions: list[str]
    secret_box: str
    secret_aad: str


# device to the edge


class CredentialOut(ResponseDocument):
    """What the edge verifies a device's signature with; the gateway alone can open the box."""

    device_id: UUID
    tenant_id: UUID
    store_id: UUID
    key_id: str
    key_box: str
    key_aad: str
    status: str


# binding to both halves of the gateway


class SealedVersionOut(ResponseDocument):
    """One key version for the gateway, which alone can open the box."""

    key_version: int
    mode: Literal["key", "cert"]
    private_key_box: str
    private_key_aad: str
    alipay_public_key: str
    """in certificate mode the one in Alipay's certificate"""
    app_cert_sn: str | None
    alipay_cert_sn: str | None
    alipay_root_cert_sn: str | None
    app_cert_not_after: WrittenInstant | None
    alipay_cert_not_after: WrittenInstant | None
    not_after: WrittenInstant | None


class BoundAppOut(ResponseDocument):
    """What the gateway needs to sign and to verify for an app."""

    tenant_id: UUID
    app_id: str
    seller_id: str
    notify_route: str
    mode: Literal["key", "cert"]
    """of the newest version"""
    enabled: bool
    service_provider_id: str
    aes_key_box: str | None
    aes_key_aad: str | None
    app_auth_token_box: str | None
    app_auth_token_aad: str | None
    versions: list[SealedVersionOut]


# the gateway to the services that own keys: when a key was last used


class AppKeyUseBody(RequestDocument):
    """The last time at which the egress signed with this key version."""

    tenant_id: Id
    app_id: AppId
    key_version: Version
    used_at: Instant


class AppKeyUsesBody(RequestDocument):
    items: Annotated[list[AppKeyUseBody], Field(max_length=USES_MAX)]


class ApiKeyUseBody(RequestDocument):
    """The last time at which the edge accepted a signature with this key."""

    tenant_id: Id
    key_id: Annotated[str, Text(64, pattern=API_KEY_ID)]
    used_at: Instant


class ApiKeyUsesBody(RequestDocument):
    items: Annotated[list[ApiKeyUseBody], Field(max_length=USES_MAX)]


class SightingBody(RequestDocument):
    """The last time at which the edge accepted a signature of this device."""

    tenant_id: Id
    device_id: Id
    used_at: Instant


class SightingsBody(RequestDocument):
    items: Annotated[list[SightingBody], Field(max_length=USES_MAX)]
