"""Bodies of the device service's requests and responses."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.device.devices.rules import SN, CodeState
from shared.contracts.fields import Id, Text, Version
from shared.contracts.instants import Instant

Sn = Annotated[str, Text(64, pattern=SN)]
PRINTABLE = r"^(?:[^\s\p{C}](?:[^\p{C}\p{Zl}\p{Zp}]*[^\s\p{C}])?)?$"
Name = Annotated[str, Text(64, min=0, pattern=PRINTABLE)]
"""a device's name; empty: it has only its number"""
Kind = Literal["terminal", "test_cashier"]


class Body(BaseModel):
    """A request body: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class EnrolBody(Body):
    code: Annotated[str, Text(64)]
    sn: Sn
    model: Annotated[str, Text(64)] | None = None
    kind: Kind | None = None
    """`test_cashier`: a page of the console that plays a terminal; outside the sandbox it does not
    make a merchant ready to sell"""


class CodeBody(Body):
    store_id: Id
    sn: Sn | None = None


class DeviceChangeBody(Body):
    """What is not given stays."""

    name: Name | None = None
    store_id: Id | None = None
    version: Version


class EnrolledOut(BaseModel):
    """An enrolled device with its key, which is returned here only."""

    device_id: UUID
    key_id: str
    key: str
    """base64 of 32 bytes"""
    merchant_id: UUID
    store_id: UUID
    server_time: int


class MeOut(BaseModel):
    device_id: UUID
    sn: str
    store_id: UUID
    merchant_id: UUID
    status: str


class CodeOut(BaseModel):
    """A new code. It is shown here only."""

    code_id: UUID
    code: str
    expires_at: Instant


class OpenCodeOut(BaseModel):
    """A code that can enrol a device now; only its last letters are shown."""

    code_id: UUID
    ends_with: str
    store_id: UUID
    store_name: str
    sn: str | None
    """the only SN for which it is valid; null: any"""
    created_at: Instant
    expires_at: Instant


class OpenCodeList(BaseModel):
    items: list[OpenCodeOut]


class CodesDeviceOut(BaseModel):
    """The present state of the device that a code enrolled."""

    model_config = ConfigDict(from_attributes=True)

    device_id: UUID
    sn: str
    name: str | None
    status: str


class CodeStateOut(BaseModel):
    """The state of a code."""

    code_id: UUID
    state: CodeState
    """revoked: by a person, or because the merchant was suspended; ended: its maker left the role
    or has a new password; spoilt: tried too often with another SN"""
    device: CodesDeviceOut | None
    """the device that a used code enrolled"""
    expires_at: Instant


class DeviceOut(BaseModel):
    device_id: UUID
    sn: str
    name: str | None
    kind: Kind
    model: str | None
    """as the device declared, or by its serial number"""
    store_id: UUID
    store_name: str
    status: str
    enrolled_at: Instant
    revoked_at: Instant | None
    last_seen_at: Instant | None
    """of its last signed request, to the minute"""
    version: int


class DevicePage(BaseModel):
    items: list[DeviceOut]
    total: int
    page: int
    page_size: int
