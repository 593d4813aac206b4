"""Bodies about the audit log."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.instants import Instant


class AuditOut(BaseModel):
    audit_id: UUID
    seq: int
    at: Instant
    actor: str
    actor_name: str
    action: str
    subject: str
    subject_name: str | None = None
    """its present name, where it is a person, a store, a key or the merchant"""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    address: str | None
    reason: str | None
    """why an operator acted for the merchant"""
    hash: str


class AuditPage(BaseModel):
    items: list[AuditOut]
    total: int
    page: int
    page_size: int


class VerdictOut(BaseModel):
    """Whether the chain is intact; `broken_at` is the number of the first wrong entry. `gap` and
    `signature` are faults of the anchors: some are missing, or were not signed by us. Entries after
    `anchored_seq` are proven by the chain alone; 0: nothing is anchored."""

    is_intact: bool
    entries: int
    head: str
    anchored_at: Instant | None
    anchored_seq: int
    broken_at: int | None
    why: Literal["", "number", "link", "content", "anchor", "tail", "gap", "signature"]
