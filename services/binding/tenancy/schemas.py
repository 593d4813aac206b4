"""Request bodies and response models of merchants, stores and accounts."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel

from services.binding.bodies import PRINTABLE, Body, Login, Name, Password
from services.binding.tenancy import logins
from shared.contracts.fields import Text, Version
from shared.contracts.instants import Instant

Username = Annotated[
    str, Text(logins.USERNAME_MAX, pattern=PRINTABLE), AfterValidator(logins.check_username)
]
Handle = Annotated[str, Text(logins.HANDLE_MAX, min=logins.HANDLE_MIN, pattern=logins.HANDLE)]


class AccountBody(Body):
    """An account; its password is chosen by its owner, with a one-time link."""

    login: Login


class OwnAccountBody(AccountBody):
    """An account that is made by whoever will use it."""

    password: Password


class StoreBody(Body):
    name: Name


class StoreChangeBody(Body):
    name: Name
    version: Version


class MerchantOut(BaseModel):
    merchant_id: UUID
    name: str
    handle: str
    """the part after the @ of its people's logins"""
    edition: str
    dual_control: bool
    support_contact: str
    version: int
    created_at: Instant
    suspended_at: Instant | None
    suspended_reason: str
    """why, in an operator's words; empty: it is not suspended"""


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
