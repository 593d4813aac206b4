"""What the device service says: which terminals exist and may speak."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.events.base import Event


class _DeviceEvent(Event):
    topic: ClassVar[str] = "device.events"
    key_field: ClassVar[str] = "device_id"

    device_id: UUID


class DeviceEnrolled(_DeviceEvent):
    """A device holds a key of its own: since now, or as it did before and is said once more."""

    type: ClassVar[str] = "device.enrolled.v1"

    store_id: UUID
    sn: str
    model: str | None = None
    kind: Literal["terminal", "test_cashier"] = "terminal"
    """a page of the console that plays a terminal is a test cashier"""


class DeviceMoved(_DeviceEvent):
    """The device stands in another store; what was begun before stays the old store's."""

    type: ClassVar[str] = "device.moved.v1"

    store_id: UUID


class DeviceRevoked(_DeviceEvent):
    """The device's key is void; caches of it must go within a second."""

    type: ClassVar[str] = "device.revoked.v1"
