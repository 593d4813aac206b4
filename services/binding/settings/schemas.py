"""Request bodies and response models of a merchant's settings: bound apps, its own record, changes
that wait. No response model has a member for private key material."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from services.binding.bodies import Body, Name
from services.binding.keys.rules import RETIRE_AFTER_H_MAX
from services.binding.keys.schemas import AppId, CertificatesOut, KeyText, SecretKey, SellerId
from shared.contracts import fields
from shared.contracts.fields import Secret, Text, Version
from shared.contracts.instants import Instant


class AppBody(Body):
    """A binding. In a change, keys and secrets may be left out: members that are not given stay
    unchanged, and "" removes an optional one."""

    app_id: AppId
    seller_id: SellerId | None = None
    """the account that is paid; notices are checked against it. Left out or empty at the first
    binding: not known yet. Once known it can be changed, not emptied"""
    app_private_key: SecretKey | None = None
    key_pair_id: fields.Id | None = None
    """a key pair made here, instead of a pasted private key"""
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


class AppKeyOut(BaseModel):
    """The public facts of a key pair; never the private key."""

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
    """when a live call under it was verified; null: pending, so it neither signs sales nor verifies
    notices"""


class LiveCheckOut(BaseModel):
    """The live check of the newest key version."""

    state: Literal["verified", "pending", "failed"]
    """failed: the last call showed a fault; the check is repeated all the same"""
    checked_at: Instant | None
    remedy: str | None
    remedy_zh: str | None
    remedy_en: str | None


class KeyInUseOut(BaseModel):
    """The key version that is used for sales while a newer one is pending."""

    key_version: int
    fingerprint: str
    created_at: Instant
    last_used_at: Instant | None


class RetiringKeyOut(BaseModel):
    """A replaced key version that is still valid."""

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
    """a login of the merchant's people, or the name of the operator who acted; empty if it is
    unknown, or if the caller may not see it"""
    key: AppKeyOut
    """the newest version"""
    live_check: LiveCheckOut
    in_use: KeyInUseOut | None
    """null: the newest version is in use, or none is yet"""
    retiring: list[RetiringKeyOut]


class AppList(BaseModel):
    items: list[AppOut]


class AppChangeOut(BaseModel):
    """A change that waits for a second approver. It names the secrets that change, but not their
    values."""

    change_id: UUID
    kind: Literal["app", "merchant"]
    app_id: str
    """empty unless the change is about an app's binding"""
    state: Literal["waiting", "approved", "rejected"]
    summary: dict[str, Any]
    asked_by: UUID
    asked_at: Instant
    decided_by: UUID | None
    decided_at: Instant | None
    expires_at: Instant


class AppChangeList(BaseModel):
    items: list[AppChangeOut]


Edition = Literal["flagship", "face_pay"]
Contact = Annotated[str, Text(200, min=0)]


class MerchantChangeBody(Body):
    """What is not given stays (S38, S119)."""

    name: Name | None = None
    edition: Edition | None = None
    dual_control: bool | None = None
    support_contact: Contact | None = None
    version: Version
