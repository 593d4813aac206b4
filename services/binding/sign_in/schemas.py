"""Request bodies and response models of signing in: sessions, passwords, second factors,
passkeys."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, model_validator

from services.binding.bodies import BASE64URL, Body, Name, Password, spelled
from shared.contracts.fields import Secret, Text, Word
from shared.contracts.instants import Instant

Code = Annotated[SecretStr, Secret(32), spelled(r"[0-9A-Za-z -]*")]
"""of an authenticator app, or a recovery code"""
CredentialId = Annotated[str, Text(1364, pattern=BASE64URL)]
"""1023 bytes (WebAuthn §6.5.1)"""
ClientData = Annotated[str, Text(2048, pattern=BASE64URL)]
Signed = Annotated[str, Text(1024, pattern=BASE64URL)]


class PasskeyProofBody(Body):
    """An assertion signed by an authenticator (the members of AuthenticationResponseJSON that are
    checked)."""

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
    """instead of a code, with the challenge of the response that required it"""


class StepUpBody(Body):
    """The password, with a code if the account has a second factor; or a passkey alone."""

    password: Password | None = None
    code: Code | None = None
    passkey: PasskeyProofBody | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.password is None) == (self.passkey is None):
            raise ValueError("密码或通行密钥，二者选一 either the password or a passkey")
        return self


class PasswordBody(Body):
    current_password: Password
    new_password: Password


class SecondFactorCodeBody(Body):
    code: Code


class SecondFactorOut(BaseModel):
    since: Instant | None
    """null: none is set"""
    recovery_codes_left: int
    is_required: bool


class SecondFactorBegunOut(BaseModel):
    """The secret for the authenticator app; shown once."""

    secret: str
    uri: str
    qr_rows: list[str]
    """the address as a QR code: a text of 0 (light) and 1 (dark) for each row"""


class RecoveryCodesOut(BaseModel):
    recovery_codes: list[str]
    """shown once; each can be used once instead of a code; empty where earlier ones stay valid"""


class PersonOut(BaseModel):
    user_id: UUID
    login: str
    name: str
    role: str
    store_ids: list[UUID]
    has_second_factor: bool
    """either of the two that follow, or both"""
    has_authenticator_app: bool
    has_passkeys: bool


class SessionMerchantOut(BaseModel):
    merchant_id: UUID
    name: str
    handle: str
    """the part after the @ of its people's logins"""
    edition: str
    created_at: Instant


class ActingOut(BaseModel):
    """The acting of an operator for a merchant; both consoles show it."""

    merchant_id: UUID
    merchant_name: str
    reason: str
    until: Instant


class SessionOut(BaseModel):
    user: PersonOut
    merchant: SessionMerchantOut | None
    permissions: list[str]
    expires_at: Instant
    step_up_until: Instant | None
    acting: ActingOut | None
    limited_until: Instant | None = None
    """until then the account has fewer permissions than its role, because an operator has helped
    its owner to sign in again"""
    needs_second_factor: bool
    """whether one has to be set up before anything else is allowed"""


class SessionOpenedOut(SessionOut):
    csrf_token: str
    """shown once; only its digest is stored"""


class StepUpOut(BaseModel):
    step_up_until: Instant


class SessionItemOut(BaseModel):
    session_id: UUID
    created_at: Instant
    seen_at: Instant
    expires_at: Instant
    user_agent: str
    address: str
    is_current: bool


class SessionPage(BaseModel):
    items: list[SessionItemOut]
    total: int
    page: int
    page_size: int


class SignInOut(BaseModel):
    """A sign-in, or the refused tries of one hour."""

    outcome: Literal["accepted", "refused"]
    at: Instant
    tries: int
    address: str
    user_agent: str


class SignInList(BaseModel):
    items: list[SignInOut]


TRANSPORTS_MAX = 16


class PasskeyBody(Body):
    """A credential made by an authenticator (the members of RegistrationResponseJSON that are
    checked)."""

    name: Name
    credential_id: CredentialId
    client_data: ClientData
    attestation: Annotated[str, Text(16 * 1024, pattern=BASE64URL)]
    transports: Annotated[list[Word], Field(max_length=TRANSPORTS_MAX)] = Field(
        default_factory=list
    )
    """how a browser can reach the authenticator"""


class PasskeyOptionsOut(BaseModel):
    options: dict[str, Any]
    """for navigator.credentials: PublicKeyCredentialCreationOptionsJSON, or ...RequestOptionsJSON
    (WebAuthn Level 3); its challenge is valid once, for five minutes"""


class PasskeyOut(BaseModel):
    passkey_id: UUID
    name: str
    created_at: Instant
    last_used_at: Instant | None
    """null: not used yet"""


class PasskeyMadeOut(PasskeyOut):
    recovery_codes: list[str]
    """shown once, with the account's first second factor; else empty"""


class PasskeyList(BaseModel):
    items: list[PasskeyOut]
    limit: int
    origin: str | None
    """the origin where browsers can use them; null: none, the platform has no https name"""
