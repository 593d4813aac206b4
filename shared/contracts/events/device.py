"""What the device service says: which terminals exist and may speak, and how far a mini program
is at Alipay."""

from typing import Any, ClassVar, Literal
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


class ReleaseChanged(Event):
    """How far one step of a mini program is: what came of a request, or was seen since."""

    type: ClassVar[str] = "release.changed.v1"
    topic: ClassVar[str] = "device.events"
    key_field: ClassVar[str] = "app_id"

    app_id: str
    step: Literal["upload", "review", "release", "push"]
    request_id: UUID
    """of the newest request about the step: an answer to an older one says nothing any more"""
    number: int
    """counts what was said of the step: the highest is how it stands"""
    state: Literal["todo", "running", "done", "failed"]
    remedy: str | None = None
    """the stable name of what to do about it"""
    evidence: dict[str, Any]
    actor: str
    """who asked: `user:<id>`, or `platform` where it was seen by itself"""
