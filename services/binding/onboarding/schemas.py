"""Request bodies and response models of the onboarding map and the key doctor. No response model
has a member for a secret."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.binding.bodies import Body
from services.binding.keys.schemas import AppId, KeyText, SecretKey
from services.binding.onboarding.rows import FieldKind, Kind, State
from shared.contracts import fields
from shared.contracts.fields import Text
from shared.contracts.instants import Instant

FormText = Annotated[str, Text(4000, min=0, lines=True)]


class RowBody(Body):
    """The app; if left out, the newest one, or the app that is not bound yet."""

    app_id: AppId | None = None


class RunBody(RowBody):
    form: dict[Annotated[str, Text(32)], FormText] = Field(default_factory=dict, max_length=16)


class DraftBody(RowBody):
    form: dict[Annotated[str, Text(32)], FormText] = Field(max_length=16)


class DoneBody(RowBody):
    note: Annotated[str, Text(500, min=0, lines=True)] = ""


class CopyOut(BaseModel):
    """A value to carry to the open platform."""

    label_zh: str
    label_en: str
    value: str


class FieldOut(BaseModel):
    field: str
    label_zh: str
    label_en: str
    kind: FieldKind
    required: bool
    min: int
    max: int
    choices: list[str]
    value: str
    pattern: str
    """the pattern of the whole text, or of each serial number; empty: none"""
    hint_zh: str | None
    hint_en: str | None


class RowOut(BaseModel):
    row: str
    code: str
    kind: Kind
    state: State
    title_zh: str
    title_en: str
    help_zh: str
    help_en: str
    where_url: str | None
    copy_values: list[CopyOut] = Field(serialization_alias="copy")
    form: list[FieldOut] | None
    can_check: bool
    can_run: bool
    can_mark: bool
    can_reopen: bool
    """a manual row that is done, or a push that no device has installed yet"""
    evidence: dict[str, Any]
    optional: bool
    """only needed with Alipay's own tool"""
    reason: str | None
    """why the platform refused, in its own words"""
    remedy: str | None
    remedy_zh: str | None
    remedy_en: str | None
    remedy_row: str | None
    """the other row in which it can be corrected, if it is not this one"""
    note: str | None
    at: Instant | None
    by: str | None


class StepOut(BaseModel):
    step: int
    code: str
    title_zh: str
    title_en: str
    rows: list[RowOut]


class CardOut(BaseModel):
    code: str
    title_zh: str
    title_en: str
    rows: list[str]
    """the numbers of its rows, in the order in which they are done"""


class OnboardingOut(BaseModel):
    app_id: str | None
    is_ready: bool
    """a device of the merchant could take a payment with this app now; exactly then 100 %"""
    takes_payments: bool
    """the same, with this app or another one"""
    percent: int
    next_row: str | None
    steps: list[StepOut]
    cards: list[CardOut]
    """the same rows as the page shows them"""


class KeyCheckBody(Body):
    """The pasted texts; a field that is left out is not examined."""

    app_id: AppId | None = None
    app_private_key: SecretKey | None = None
    app_public_key: KeyText | None = None
    alipay_public_key: KeyText | None = None
    key_pair_id: fields.Id | None = None


class FindingOut(BaseModel):
    field: str
    code: str
    level: Literal["ok", "warn", "error"]
    title: str
    remedy: str


class PublicKeyOut(BaseModel):
    bits: int
    fingerprint: str
    public_key: str


class DiagnosisOut(BaseModel):
    findings: list[FindingOut]
    private: PublicKeyOut | None
    """the public half of the pasted private key"""
    alipay: PublicKeyOut | None
    can_save: bool


class ProbeOut(BaseModel):
    findings: list[FindingOut]
    is_ok: bool


class KeyPairOut(BaseModel):
    key_pair_id: UUID
    app_public_key: str
    fingerprint: str
    bits: int
    created_at: Instant
    expires_at: Instant


class KeyPairList(BaseModel):
    items: list[KeyPairOut]
    """the newest generated pair that is not bound yet, or nothing"""
