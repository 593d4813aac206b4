"""The caller of a request, as the edge or a service states it in the request's token."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.errors import Forbidden

Kind = Literal["device", "user", "pos", "service"]


class StepUpNeeded(Forbidden):
    """The session is valid, but its password was not entered within the last minutes."""

    code = "auth.step_up_needed"
    title = "请再次输入密码以确认 Confirm with your password, then repeat the request."


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request, from the verified token."""

    kind: Kind
    issuer: str
    subject: str
    """device_id, user_id, an API key's id or the service's name"""
    tenant_id: UUID | None = None
    store_id: UUID | None = None
    nonce: str | None = None
    session_id: str | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    store_ids: frozenset[UUID] = field(default_factory=frozenset)
    """the only stores this person may see; empty: all stores of the tenant"""
    step_up_until: datetime | None = None
    """until then the password counts as just entered"""
    acting_id: UUID | None = None
    """the grant under which an operator acts for the tenant"""
    name: str = ""
    """a person's name (else the login), stored with what the person does"""

    def require(self, permission: str) -> None:
        """Raises Forbidden unless the caller holds `permission`."""
        if permission not in self.permissions:
            raise Forbidden(f"needs the permission {permission}")

    def require_step_up(self, now: datetime) -> None:
        """Raises StepUpNeeded unless the password was entered a short while ago."""
        if self.step_up_until is None or now >= self.step_up_until:
            raise StepUpNeeded

    @property
    def sees_people(self) -> bool:
        """Whether names of the merchant's people are shown: always to themselves, and to an
        operator who acts for the merchant only with the permission to read them."""
        return self.acting_id is None or "staff.read" in self.permissions

    @property
    def tenant(self) -> UUID:
        """The tenant, for routes that need one; Forbidden if the token has none."""
        if self.tenant_id is None:
            raise Forbidden("this caller acts for no merchant")
        return self.tenant_id
