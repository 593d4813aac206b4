"""Bodies of the device service's doors."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer

from services.device.domain import SN
from shared.fields import Id, Text


def _rfc3339(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
Sn = Annotated[str, Text(64, pattern=SN)]


class Body(BaseModel):
    """A request body: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class EnrolBody(Body):
    code: Annotated[str, Text(64)]
    sn: Sn
    model: Annotated[str, Text(64)] | None = None


class CodeBody(Body):
    store_id: Id
    sn: Sn | None = None


class EnrolledOut(BaseModel):
    """The key is told here and never again."""

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
    code: str
    expires_at: Instant


class DeviceOut(BaseModel):
    device_id: UUID
    sn: str
    model: str | None
    store_id: UUID
    store_name: str
    status: str
    enrolled_at: Instant
    revoked_at: Instant | None
    last_seen_at: Instant | None


class DevicePage(BaseModel):
    items: list[DeviceOut]
    total: int
    page: int
    page_size: int


class CredentialOut(BaseModel):
    """What the edge verifies a device's signature with; the gateway alone can open the box."""

    device_id: UUID
    tenant_id: UUID
    store_id: UUID
    key_id: str
    key_box: str
    key_aad: str
    status: str
