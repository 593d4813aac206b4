"""Request bodies and response models of staff, roles, one-time links and API keys. A secret comes
in with a request, or goes out once."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from services.binding.bodies import Body, Name, Password, spelled
from services.binding.sign_in.schemas import PersonOut
from services.binding.tenancy.rules import Role
from services.binding.tenancy.schemas import AccountBody, OwnAccountBody, Username
from shared.contracts import fields
from shared.contracts.fields import Secret, Version
from shared.contracts.instants import Instant


class LinkOut(BaseModel):
    """A one-time link with which a person chooses a password."""

    token: str
    """shown once; the page of the link is /password#<token>"""
    expires_at: Instant


StoreIds = Annotated[
    list[fields.Id], Field(max_length=200), AfterValidator(lambda ids: sorted(set(ids)))
]
RoleText = Annotated[Role, Field(strict=False)]


class LinkBody(Body):
    """A one-time link for somebody else, who chooses the password with it."""

    remove_second_factor: bool = False
    """for somebody who lost their authenticator app and the recovery codes"""


LinkToken = Annotated[SecretStr, Secret(128), spelled(r"[\w-]{16,}")]


class LinkTokenBody(Body):
    token: LinkToken


class LinkShownOut(BaseModel):
    """The account whose password the link sets."""

    login: str
    name: str
    console: Literal["merchant", "operator"]


class ChosenPasswordBody(Body):
    token: LinkToken
    password: Password


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
    """A new account of the operators, with the given login."""


class StaffChangeBody(Body):
    """What is not given stays."""

    name: Name | None = None
    role: RoleText | None = None
    is_enabled: bool | None = None
    store_ids: StoreIds | None = None
    hand_keys_to: fields.Id | None = None
    """who gets the person's API keys; left out, they are revoked with the permission to have
    keys"""
    version: Version


class ApiKeyBody(Body):
    name: Name
    store_id: fields.Id | None = None


class StaffOut(PersonOut):
    is_enabled: bool
    created_at: Instant
    version: int
    is_self: bool


class StaffCreatedOut(StaffOut):
    link: LinkOut


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
    """shown once"""


class ApiKeyPage(BaseModel):
    items: list[ApiKeyOut]
    total: int
    page: int
    page_size: int
