"""Bodies about people: sessions, staff, roles, acting, API keys, audit. Secrets only ever come in,
or go out once."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from services.binding.acting_rules import ACTING_MINUTES_MAX, check_reason
from services.binding.domain import API_KEY_ID, Role
from services.binding.schemas import (
    PRINTABLE,
    USES_MAX,
    AccountBody,
    Body,
    Code,
    Instant,
    LinkOut,
    Name,
    OwnAccountBody,
    PasskeyProofBody,
    Password,
    Username,
    spelled,
)
from shared import fields
from shared.fields import Secret, Text, Version

Reason = Annotated[str, Text(200, pattern=PRINTABLE), AfterValidator(check_reason)]
StoreIds = Annotated[
    list[fields.Id], Field(max_length=200), AfterValidator(lambda ids: sorted(set(ids)))
]
RoleText = Annotated[Role, Field(strict=False)]


class StepUpBody(Body):
    """The password, with the code where there is a second factor; or a passkey alone."""

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


class LinkBody(Body):
    """A one-time link for somebody else, who chooses the password with it."""

    remove_second_factor: bool = False
    """for somebody who lost their authenticator app and the recovery codes"""


LinkToken = Annotated[SecretStr, Secret(128), spelled(r"[\w-]{16,}")]


class LinkTokenBody(Body):
    token: LinkToken


class LinkShownOut(BaseModel):
    """Whose password it is that the link is for."""

    login: str
    name: str
    console: Literal["merchant", "operator"]


class ChosenPasswordBody(Body):
    token: LinkToken
    password: Password


class CodeBody(Body):
    code: Code


class SecondFactorOut(BaseModel):
    since: Instant | None
    """null: none is set"""
    recovery_codes_left: int
    is_required: bool


class SecondFactorBegunOut(BaseModel):
    """For the authenticator app, told once."""

    secret: str
    uri: str
    qr_rows: list[str]
    """the address as a QR code: a text of 0 (light) and 1 (dark) for each row"""


class RecoveryCodesOut(BaseModel):
    recovery_codes: list[str]
    """told once; each serves once instead of a code; none where those from before stay"""


class FirstRunBody(OwnAccountBody):
    """The first operator of a platform that has none."""

    setup_code: Annotated[SecretStr, Secret(256)]


class FirstRunOut(BaseModel):
    is_needed: bool


class _PersonBody(Body):
    """`store_ids` only for a cashier, empty: all stores."""

    name: Name
    role: RoleText
    store_ids: StoreIds = Field(default_factory=list)


class StaffBody(_PersonBody):
    """A new account of a merchant; its login is the username, an @, and the merchant's handle."""

    username: Username


class OperatorBody(_PersonBody, AccountBody):
    """A new account of the operators; its login is what is given."""


class StaffChangeBody(Body):
    """What is not given stays."""

    name: Name | None = None
    role: RoleText | None = None
    is_enabled: bool | None = None
    store_ids: StoreIds | None = None
    hand_keys_to: fields.Id | None = None
    """who answers for the person's API keys from now on; left out, they end with the power to
    have them"""
    version: Version


class ActingBody(Body):
    merchant_id: fields.Id
    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=ACTING_MINUTES_MAX)] = ACTING_MINUTES_MAX


class ApiKeyBody(Body):
    name: Name
    store_id: fields.Id | None = None


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
    """what the logins of its people end with, after an @"""
    edition: str
    created_at: Instant


class ActingOut(BaseModel):
    """An operator acts for a merchant: both consoles show it."""

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
    """until then the account does less than its role: an operator has helped its owner back in"""
    needs_second_factor: bool
    """one has to be set up before anything else is allowed"""


class SessionOpenedOut(SessionOut):
    csrf_token: str
    """told once; we keep only its digest"""


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


class StaffOut(PersonOut):
    is_enabled: bool
    created_at: Instant
    version: int
    is_self: bool


class StaffCreatedOut(StaffOut):
    link: LinkOut


class SignInOut(BaseModel):
    """A sign-in, or the refused tries of one hour."""

    outcome: Literal["accepted", "refused"]
    at: Instant
    tries: int
    address: str
    user_agent: str


class SignInList(BaseModel):
    items: list[SignInOut]


class StaffPage(BaseModel):
    items: list[StaffOut]
    total: int
    page: int
    page_size: int


class RoleOut(BaseModel):
    role: str
    permissions: list[str]


class RoleList(BaseModel):
    items: list[RoleOut]


class ApiKeyUseBody(Body):
    """The edge believed this key, at last then."""

    tenant_id: fields.Id
    key_id: Annotated[str, Text(64, pattern=API_KEY_ID)]
    used_at: fields.Instant


class ApiKeyUsesBody(Body):
    items: Annotated[list[ApiKeyUseBody], Field(max_length=USES_MAX)]


class ApiKeyOut(BaseModel):
    key_id: str
    name: str
    store_id: UUID | None
    created_by: UUID
    created_at: Instant
    last_used_at: Instant | None
    """to the minute; null: never"""
    revoked_at: Instant | None


class ApiKeyCreatedOut(ApiKeyOut):
    secret: str
    """told once"""


class ApiKeyPage(BaseModel):
    items: list[ApiKeyOut]
    total: int
    page: int
    page_size: int


class SealedApiKeyOut(BaseModel):
    """An API key for the edge, which alone can open the box."""

    tenant_id: UUID
    key_id: str
    store_id: UUID | None
    permissions: list[str]
    secret_box: str
    secret_aad: str


class AuditOut(BaseModel):
    audit_id: UUID
    seq: int
    at: Instant
    actor: str
    actor_name: str
    action: str
    subject: str
    subject_name: str | None = None
    """what it is called today, where it is a person, a store, a key or the merchant"""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    address: str | None
    reason: str | None
    """why an operator acted for the merchant"""
    hash: str


class AuditPage(BaseModel):
    items: list[AuditOut]
    total: int
    page: int
    page_size: int


class VerdictOut(BaseModel):
    """Whether the chain holds; `broken_at` is the number of the first entry that does not.
    `gap` and `signature` are about the anchors: some are gone, or not ours. Entries after
    `anchored_seq` hang on the chain alone; 0: nothing is anchored."""

    is_intact: bool
    entries: int
    head: str
    anchored_at: Instant | None
    anchored_seq: int
    broken_at: int | None
    why: Literal["", "number", "link", "content", "anchor", "tail", "gap", "signature"]


class ResolvedMore(BaseModel):
    """For the edge: what was given on top, and until when."""

    permissions: list[str]
    until: Instant


class ResolvedActing(BaseModel):
    """For the edge: what the session may do at the merchant console, and until when."""

    acting_id: UUID
    tenant_id: UUID
    permissions: list[str]
    until: Instant
    more: list[ResolvedMore]


class ResolvedOut(BaseModel):
    """What the edge needs to know of a session."""

    session_id: UUID
    kind: Literal["user"] = "user"
    user_id: UUID
    name: str
    """the login where there is no name"""
    tenant_id: UUID
    permissions: list[str]
    store_ids: list[UUID]
    csrf_token_hash: str
    expires_at: Instant
    step_up_until: Instant | None
    acting: ResolvedActing | None
