"""Events of the device service: which terminals exist and have a valid key, and the state of a mini
program at Alipay."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.contracts.events.base import Event


class _DeviceEvent(Event):
    topic: ClassVar[str] = "device.events"
    key_field: ClassVar[str] = "device_id"

    device_id: UUID


class DeviceEnrolled(_DeviceEvent):
    """A device has a key of its own. Published at its enrolment, and once more by an update for
    each device that had a key already."""

    type: ClassVar[str] = "device.enrolled.v1"

    store_id: UUID
    sn: str
    model: str | None = None
    kind: Literal["terminal", "test_cashier"] = "terminal"
    """a page of the console that plays a terminal is a test cashier"""


class DeviceMoved(_DeviceEvent):
    """The device was moved to another store; payments under way stay with the old store."""

    type: ClassVar[str] = "device.moved.v1"

    store_id: UUID


class DeviceRevoked(_DeviceEvent):
    """The device's key is void; caches must drop it within a second."""

    type: ClassVar[str] = "device.revoked.v1"


class ReleaseChanged(Event):
    """The state of one step of a mini program: the result of a request, or a change that a later
    check found."""

    type: ClassVar[str] = "release.changed.v1"
    topic: ClassVar[str] = "device.events"
    key_field: ClassVar[str] = "app_id"

    app_id: str
    step: Literal["upload", "review", "release", "push"]
    request_id: UUID
    """the newest request about the step; a consumer ignores answers to older ones"""
    number: int
    """increases with each event about the step: the highest number has the present state"""
    state: Literal["todo", "running", "done", "failed"]
    remedy: str | None = None
    """the stable name of the remedy"""
    evidence: dict[str, Any]
    actor: str
    """who requested it: `user:<id>`, or `platform` for the result of an automatic check"""
