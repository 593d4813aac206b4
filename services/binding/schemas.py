"""Bodies of the binding service's doors. No answer has a member for private key material."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr

from services.binding import logins
from services.binding.domain import APP_ID, RETIRE_AFTER_H_MAX, SELLER_ID
from shared import fields
from shared.fields import Secret, Text


def _rfc3339(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
# Printable and not framed by blanks; PostgreSQL cannot store a NUL, people cannot see the others.
PRINTABLE = r"^[^\s\p{C}](?:[^\p{C}\p{Zl}\p{Zp}]*[^\s\p{C}])?$"
USES_MAX = 100
PASSWORD_FIELD_MAX = 256
Login = Annotated[str, Text(64, min=3, pattern=PRINTABLE)]
Username = Annotated[
    str, Text(logins.USERNAME_MAX, pattern=PRINTABLE), AfterValidator(logins.check_username)
]
Handle = Annotated[str, Text(logins.HANDLE_MAX, min=logins.HANDLE_MIN, pattern=logins.HANDLE)]
Name = Annotated[str, Text(64, pattern=PRINTABLE)]
Password = Annotated[SecretStr, Secret(PASSWORD_FIELD_MAX)]
AppId = Annotated[str, Text(16, pattern=APP_ID)]
SellerId = Annotated[str, Text(16, min=0, pattern=f"^$|{SELLER_ID}")]
KEY_TEXT_MAX = 64 * 1024
"""as much as a body may have: what is too long for a key or certificate, the reader says"""
SecretKey = Annotated[SecretStr, Secret(KEY_TEXT_MAX)]
KeyText = Annotated[str, Text(KEY_TEXT_MAX, min=0, lines=True)]


class Body(BaseModel):
    """A request body: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def spelled(pattern: str) -> AfterValidator:
    """For a secret that is made of certain characters only."""
    form = re.compile(pattern, re.ASCII)

    def check(given: SecretStr) -> SecretStr:
        if form.fullmatch(given.get_secret_value()) is None:
            raise ValueError("it has characters that cannot be in it")
        return given

    return AfterValidator(check)


Code = Annotated[SecretStr, Secret(32), spelled(r"[0-9A-Za-z -]*")]
"""of an authenticator app, or a recovery code"""


BASE64URL = r"^[A-Za-z0-9_-]+$"
CredentialId = Annotated[str, Text(1364, pattern=BASE64URL)]
"""1023 bytes (WebAuthn §6.5.1)"""
ClientData = Annotated[str, Text(2048, pattern=BASE64URL)]
Signed = Annotated[str, Text(1024, pattern=BASE64URL)]


class PasskeyProofBody(Body):
    """What an authenticator signed (AuthenticationResponseJSON, the members that count)."""

    credential_id: CredentialId
    client_data: ClientData
    authenticator_data: Signed
    signature: Signed
    user_handle: Annotated[str, Text(88, pattern=BASE64URL)] | None = None


class LoginBody(Body):
    login: Annotated[str, Text(64, min=0)]
    password: Password
    code: Code | None = None
    passkey: PasskeyProofBody | None = None
    """instead of a code, with the challenge of the answer that asked for it"""


class AccountBody(Body):
    """An account; its password is chosen by its owner, with a one-time link."""

    login: Login


class LinkOut(BaseModel):
    """A one-time link with which a person chooses a password."""

    token: str
    """told once; the page behind it is /password#<token>"""
    expires_at: Instant


class OwnAccountBody(AccountBody):
    """An account that is made by whoever will use it."""

    password: Password


class AppBody(Body):
    """A binding. On a change keys and secrets may be left out: what is not given stays, and ""
    takes away what may be without."""

    app_id: AppId
    seller_id: SellerId | None = None
    """the account that is paid, which notices are held against; left out or empty at the first
    binding: not known yet. Once known it can be changed, not emptied"""
    app_private_key: SecretKey | None = None
    key_pair_id: fields.Id | None = None
    """a pair made here, instead of a pasted private key"""
    alipay_public_key: KeyText | None = None
    mode: Literal["key", "cert"] | None = None
    """left out: certificate mode when certificates are given, else as it is"""
    app_cert: KeyText | None = None
    alipay_cert: KeyText | None = None
    alipay_root_cert: KeyText | None = None
    aes_key: SecretKey | None = None
    """content encryption, off without it"""
    app_auth_token: Annotated[SecretStr, Secret(128)] | None = None
    """a merchant's grant, when this is a service provider's app that acts for it"""
    service_provider_id: SellerId | None = None
    """the account credited with the payments begun with this app"""
    retire_after_h: Annotated[int, Field(ge=0, le=RETIRE_AFTER_H_MAX)] | None = None
    """how long a replaced key version stays usable; left out: a day; 0: not at all (a leak)"""
    enabled: bool = True
    version: fields.Version = 0


class ResolveBody(Body):
    session_hash: Annotated[str, Text(64, pattern=r"^[0-9a-f]{64}$")]


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


class AppKeyOut(BaseModel):
    """What may be known of a key pair: never the private half."""

    key_version: int
    mode: Literal["key", "cert"]
    fingerprint: str
    bits: int
    app_public_key: str
    alipay_public_key: str
    certificates: CertificatesOut | None
    created_at: Instant
    last_used_at: Instant | None
    """when it last signed a request, to the minute; null: never"""
    verified_at: Instant | None
    """when a live call under it was verified; null: pending, it neither signs sales nor makes a
    notice believed"""


class LiveCheckOut(BaseModel):
    """How far the newest version of the keys is."""

    state: Literal["verified", "pending", "failed"]
    """failed: the last call showed what is wrong; it is asked again all the same"""
    checked_at: Instant | None
    remedy: str | None
    remedy_zh: str | None
    remedy_en: str | None


class KeyInUseOut(BaseModel):
    """The version that takes the sales while a newer one is pending."""

    key_version: int
    fingerprint: str
    created_at: Instant
    last_used_at: Instant | None


class RetiringKeyOut(BaseModel):
    """A replaced version that still counts."""

    key_version: int
    fingerprint: str
    created_at: Instant
    last_used_at: Instant | None
    not_after: Instant


class AppOut(BaseModel):
    app_id: str
    seller_id: str
    enabled: bool
    version: int
    notify_path: str
    service_provider_id: str
    has_aes_key: bool
    has_app_auth_token: bool
    created_at: Instant
    updated_at: Instant
    updated_by: str
    """a login of the merchant's, or the name of the operator who acted for it; empty where it is
    not known, or not for whoever looks"""
    key: AppKeyOut
    """the newest version"""
    live_check: LiveCheckOut
    in_use: KeyInUseOut | None
    """null: the newest version is in use, or none is yet"""
    retiring: list[RetiringKeyOut]


class AppList(BaseModel):
    items: list[AppOut]


class AppChangeOut(BaseModel):
    """A change that waits for a second person; which secrets change, not to what."""

    change_id: UUID
    kind: Literal["app", "merchant"]
    app_id: str
    """empty unless it is an app's binding"""
    state: Literal["waiting", "approved", "rejected"]
    summary: dict[str, Any]
    asked_by: UUID
    asked_at: Instant
    decided_by: UUID | None
    decided_at: Instant | None
    expires_at: Instant


class AppChangeList(BaseModel):
    items: list[AppChangeOut]


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
