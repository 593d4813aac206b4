"""Bodies of the binding service's doors. No answer has a member for private key material."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SecretStr

from services.binding.domain import APP_ID, SELLER_ID


def _rfc3339(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
# Printable and not framed by blanks; PostgreSQL cannot store a NUL, people cannot see the others.
_PRINTABLE = r"^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$"
Login = Annotated[str, Field(min_length=3, max_length=64, pattern=_PRINTABLE)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=_PRINTABLE)]


class Body(BaseModel):
    """A request body: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class LoginBody(Body):
    login: Annotated[str, Field(max_length=64)]
    password: Annotated[SecretStr, Field(max_length=256)]


class AccountBody(Body):
    login: Login
    password: Annotated[SecretStr, Field(max_length=256)]


class AppBody(Body):
    """A binding. On a change the keys may be left out: what is not given stays."""

    app_id: Annotated[str, Field(pattern=APP_ID)]
    seller_id: Annotated[str, Field(pattern=f"^$|{SELLER_ID}")] = ""
    """the account that is paid; empty: not known, and then no notice is held against it"""
    app_private_key: SecretStr | None = None
    alipay_public_key: str | None = None
    enabled: bool = True
    version: Annotated[int, Field(ge=0)] = 0


class ResolveBody(Body):
    session_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class AppKeyOut(BaseModel):
    """What may be known of a key pair: never the private half."""

    key_version: int
    fingerprint: str
    bits: int
    app_public_key: str
    alipay_public_key: str
    created_at: Instant


class AppOut(BaseModel):
    app_id: str
    seller_id: str
    enabled: bool
    version: int
    notify_path: str
    created_at: Instant
    updated_at: Instant
    key: AppKeyOut


class AppList(BaseModel):
    items: list[AppOut]


class SealedVersionOut(BaseModel):
    """One key version for the gateway, which alone can open the box."""

    key_version: int
    private_key_box: str
    private_key_aad: str
    alipay_public_key: str
    not_after: Instant | None


class BoundAppOut(BaseModel):
    """What the gateway needs to sign and to verify for an app."""

    tenant_id: UUID
    app_id: str
    seller_id: str
    notify_route: str
    mode: Literal["key"] = "key"
    enabled: bool
    versions: list[SealedVersionOut]
