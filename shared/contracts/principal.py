"""Who is asking: what the edge, or a service, vouches for in the token of a request."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.errors import Forbidden

Kind = Literal["device", "user", "pos", "service"]


class StepUpNeeded(Forbidden):
    """The session is good, but its password was not asked for within the last minutes."""

    code = "auth.step_up_needed"
    title = "请再次输入密码以确认 Confirm with your password, then repeat the request."


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as vouched for by the caller's token."""

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
    """the only stores this person may see; empty: all of the tenant's"""
    step_up_until: datetime | None = None
    """until when the password counts as just entered"""
    acting_id: UUID | None = None
    """the grant under which an operator acts for the tenant"""
    name: str = ""
    """what a person is called (else their login), for what they do to say so later"""

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
        """The merchant's own people know each other; an operator who acts for it knows them only
        where its role may look at them."""
        return self.acting_id is None or "staff.read" in self.permissions

    @property
    def tenant(self) -> UUID:
        """The tenant, for routes that cannot do without one."""
        if self.tenant_id is None:
            raise Forbidden("this caller acts for no merchant")
        return self.tenant_id
