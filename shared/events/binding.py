"""What the binding service says: merchants, stores, bound apps, ended sessions."""

from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class _BindingEvent(Event):
    topic: ClassVar[str] = "binding.events"


class MerchantCreated(_BindingEvent):
    """A merchant (a tenant) exists."""

    type: ClassVar[str] = "merchant.created.v1"

    name: str

    @property
    def subject(self) -> str:
        return str(self.tenant_id)


class StoreCreated(_BindingEvent):
    """A store of a merchant exists."""

    type: ClassVar[str] = "store.created.v1"

    store_id: UUID
    name: str

    @property
    def subject(self) -> str:
        return str(self.store_id)


class AppBound(_BindingEvent):
    """A mini program's binding is new or changed (keys rotated, switched on or off)."""

    type: ClassVar[str] = "app.bound.v1"

    app_id: str
    seller_id: str
    notify_route: str
    key_version: int
    enabled: bool

    @property
    def subject(self) -> str:
        return self.app_id


class SessionRevoked(_BindingEvent):
    """A console session ended before its time; caches of it must go."""

    type: ClassVar[str] = "session.revoked.v1"

    session_hash: str

    @property
    def subject(self) -> str:
        return self.session_hash
