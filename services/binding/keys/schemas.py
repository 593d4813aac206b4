"""Bodies about bound apps, as the gateway reads them. No answer has a member for private key
material."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from services.binding.bodies import USES_MAX, Body, Instant
from services.binding.keys.rules import APP_ID, SELLER_ID
from shared.contracts import fields
from shared.contracts.fields import Secret, Text

AppId = Annotated[str, Text(16, pattern=APP_ID)]
SellerId = Annotated[str, Text(16, min=0, pattern=f"^$|{SELLER_ID}")]
KEY_TEXT_MAX = 64 * 1024
"""as much as a body may have: what is too long for a key or certificate, the reader says"""
SecretKey = Annotated[SecretStr, Secret(KEY_TEXT_MAX)]
KeyText = Annotated[str, Text(KEY_TEXT_MAX, min=0, lines=True)]


class AppKeyUseBody(Body):
    """The egress signed with this key version, at last then."""

    tenant_id: fields.Id
    app_id: AppId
    key_version: fields.Version
    used_at: fields.Instant


class AppKeyUsesBody(Body):
    items: Annotated[list[AppKeyUseBody], Field(max_length=USES_MAX)]


class CertificateOut(BaseModel):
    """What names a certificate, and when it ends."""

    sn: str
    not_after: Instant


class CertificatesOut(BaseModel):
    app_cert: CertificateOut
    alipay_cert: CertificateOut
    alipay_root_cert_sn: str


class SealedVersionOut(BaseModel):
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
    app_cert_not_after: Instant | None
    alipay_cert_not_after: Instant | None
    not_after: Instant | None


class BoundAppOut(BaseModel):
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
