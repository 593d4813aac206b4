"""Deliveries of the gateway beside notices: verified messages of the open platform, and counts of
refused notices."""

from typing import TypedDict


class VerifiedMessage(TypedDict):
    """edge → device: a message of the open platform's (`/internal/messages`)."""

    app_id: str
    body_b64: str
    fields: dict[str, str]
    received_at: str


class RefusedNotices(TypedDict):
    """edge → payment: how often an app's notices were refused under one reason since the last
    report, with one as an example (`/internal/notify-refusals`, as one of `items`)."""

    tenant_id: str | None
    app_id: str
    reason: str
    refused: int
    first_at: str
    last_at: str
    client: str
    out_trade_no: str
    body_b64: str
