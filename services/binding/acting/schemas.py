"""Request bodies and response models of acting and of grants for acting operators."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.binding.acting.rules import ACTING_MINUTES_MAX, GRANT_MINUTES_MAX, check_reason
from services.binding.bodies import PRINTABLE, Body
from services.binding.tenancy.schemas import MerchantOut
from shared.contracts import fields
from shared.contracts.fields import Text
from shared.contracts.instants import Instant


class OperatorActingOut(BaseModel):
    """An operator who acts for this merchant right now."""

    acting_id: UUID
    operator_name: str
    reason: str
    until: Instant


class MerchantShownOut(MerchantOut):
    operators_acting: list[OperatorActingOut]


Reason = Annotated[str, Text(200, pattern=PRINTABLE), AfterValidator(check_reason)]


class ActingBody(Body):
    merchant_id: fields.Id
    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=ACTING_MINUTES_MAX)] = ACTING_MINUTES_MAX


PermissionSet = Literal["setup"]
GrantState = Literal["asked", "given", "refused", "ended"]


class GrantBody(Body):
    """An operator's request for more permissions than look and help, at one merchant and for a
    limited time."""

    merchant_id: fields.Id
    permission_set: PermissionSet
    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=GRANT_MINUTES_MAX)]


class GrantOut(BaseModel):
    """A requested or given grant: the operator, the permissions, the reason, the time, and its
    state."""

    grant_id: UUID
    operator_name: str
    permission_set: PermissionSet
    permissions: list[str]
    """what the set allows in addition to the usual permissions (look and help)"""
    reason: str
    minutes: int
    state: GrantState
    asked_at: Instant
    expires_at: Instant
    """how long the request stays open"""
    decided_name: str
    decided_for: Literal["merchant", "operator"] | None
    """who consented: an owner of the merchant, or a second operator"""
    decided_at: Instant | None
    until: Instant | None
    ended_at: Instant | None
    end_cause: Literal["time", "withdrawn", "returned", "powers"] | None


class OperatorGrantOut(GrantOut):
    merchant_id: UUID
    merchant_name: str
    is_own: bool
    """requested by the caller, who therefore cannot decide it"""


class GrantList(BaseModel):
    items: list[GrantOut]


class OperatorGrantList(BaseModel):
    items: list[OperatorGrantOut]
