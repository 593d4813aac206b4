"""Bodies of the onboarding map and of the key doctor. Nothing here has a place for a secret to
come back."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from services.binding.domain import APP_ID
from services.binding.onboarding_rows import FieldKind, Kind, State
from services.binding.schemas import Body, Instant

AppId = Annotated[str, Field(pattern=APP_ID)]


class RowBody(Body):
    """Which app; left out: the newest one, or the app to be."""

    app_id: AppId | None = None


class RunBody(RowBody):
    form: dict[Annotated[str, Field(max_length=32)], Annotated[str, Field(max_length=4000)]] = (
        Field(default_factory=dict, max_length=16)
    )


class DoneBody(RowBody):
    note: Annotated[str, Field(max_length=500)] = ""


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
    evidence: dict[str, Any]
    remedy: str | None
    remedy_zh: str | None
    remedy_en: str | None
    note: str | None
    at: Instant | None
    by: str | None


class StepOut(BaseModel):
    step: int
    code: str
    title_zh: str
    title_en: str
    rows: list[RowOut]


class OnboardingOut(BaseModel):
    app_id: str | None
    is_ready: bool
    percent: int
    next_row: str | None
    steps: list[StepOut]


class KeyCheckBody(Body):
    """What was pasted; whatever is left out is not looked at."""

    app_id: AppId | None = None
    app_private_key: SecretStr | None = None
    app_public_key: str | None = None
    alipay_public_key: str | None = None
    key_pair_id: Annotated[UUID, Field(strict=False)] | None = None


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
    """the public half of the private key that was pasted"""
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
