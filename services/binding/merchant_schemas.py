"""Bodies about merchants, their stores and their settings."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel

from services.binding.schemas import Body, Instant, Name, SecretKey
from shared.fields import Text, Version

Edition = Literal["flagship", "face_pay"]
Contact = Annotated[str, Text(200, min=0)]


class MerchantChangeBody(Body):
    """What is not given stays (S38, S119)."""

    name: Name | None = None
    edition: Edition | None = None
    dual_control: bool | None = None
    support_contact: Contact | None = None
    version: Version


class StoreBody(Body):
    name: Name


class StoreChangeBody(Body):
    name: Name
    version: Version


class WechatBody(Body):
    """S118. Secrets that are not given stay as they are."""

    mch_id: Annotated[str, Text(12, min=0, pattern=r"^([0-9]{8,12})?$")]
    app_id: Annotated[str, Text(18, min=0, pattern=r"^(wx[0-9a-f]{16})?$")]
    cert_serial: Annotated[str, Text(40, min=0, pattern=r"^([0-9A-F]{32,40})?$")]
    api_v3_key: SecretKey | None = None
    private_key: SecretKey | None = None
    enabled: bool = False
    version: Version


class OwnerOut(BaseModel):
    user_id: UUID
    login: str
    role: str


class OperatorActingOut(BaseModel):
    """An operator who acts for this merchant right now."""

    acting_id: UUID
    operator_name: str
    reason: str
    until: Instant


class MerchantOut(BaseModel):
    merchant_id: UUID
    name: str
    handle: str
    """what the logins of its people end with, after an @"""
    edition: str
    dual_control: bool
    support_contact: str
    version: int
    created_at: Instant
    suspended_at: Instant | None
    suspended_reason: str
    """why, in an operator's words; empty: it is not suspended"""


class MerchantShownOut(MerchantOut):
    operators_acting: list[OperatorActingOut]


class StoreOut(BaseModel):
    store_id: UUID
    name: str
    version: int
    created_at: Instant


class StorePage(BaseModel):
    items: list[StoreOut]
    total: int
    page: int
    page_size: int


class WechatOut(BaseModel):
    """Facts only: whether there is a secret, and the fingerprint of the key's public half."""

    mch_id: str
    app_id: str
    cert_serial: str
    has_api_v3_key: bool
    has_private_key: bool
    fingerprint: str
    enabled: bool
    version: int
    updated_at: Instant | None
