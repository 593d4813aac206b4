"""Request bodies and response models of the operators' routes about merchants."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from services.binding.acting.schemas import MerchantShownOut, Reason
from services.binding.bodies import Body, Name
from services.binding.onboarding.rows import State
from services.binding.people.schemas import LinkOut
from services.binding.tenancy.schemas import AccountBody, Handle, MerchantOut
from shared.contracts.fields import Version
from shared.contracts.instants import Instant


class OwnerOut(BaseModel):
    user_id: UUID
    login: str
    role: str


class MerchantBody(AccountBody):
    """A new merchant and the account of its owner."""

    name: Name
    handle: Handle | None = None
    """the part after the @ of its people's logins; left out: one is generated"""


class RenameBody(Body):
    name: Name
    version: Version


class ReasonBody(Body):
    """Why, in words: both audit logs keep it."""

    reason: Reason


class OwnerLinkBody(ReasonBody):
    remove_second_factor: bool = False
    """for an owner who lost the authenticator app, the passkeys and the recovery codes"""


class StuckOut(BaseModel):
    """The row of the setup where a merchant is stuck."""

    row: str
    state: State
    title_zh: str
    title_en: str
    remedy_zh: str | None
    remedy_en: str | None
    at: Instant | None
    """when the row got this state; null: nothing was done yet"""


class ProgressOut(BaseModel):
    percent: int
    is_ready: bool
    step: StuckOut | None
    """null: nothing is left to do"""


class MerchantListedOut(MerchantOut):
    namesakes: int
    """how many other merchants have the same name"""
    progress: ProgressOut


class MerchantPage(BaseModel):
    items: list[MerchantListedOut]
    total: int
    page: int
    page_size: int


class MerchantDetailOut(MerchantListedOut, MerchantShownOut):
    """The operator's view of one merchant: counts, no content."""

    stores: int
    staff: int
    apps: int


class MerchantCreatedOut(MerchantOut):
    owner: OwnerOut
    link: LinkOut


class MerchantOwnerOut(BaseModel):
    """An owner's login, for operators who create a password link for the owner."""

    user_id: UUID
    login: str
    name: str
    is_enabled: bool
    has_password: bool
    """whether one was ever chosen"""
    has_second_factor: bool
    link_until: Instant | None
    """until when an unused one-time link is valid"""
    limited_until: Instant | None


class MerchantOwnerList(BaseModel):
    items: list[MerchantOwnerOut]


SuspendedFilter = Literal["yes", "no"]
