"""Bodies about merchants, their stores and their settings."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel

from services.binding.schemas import Body, Instant, Name
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
