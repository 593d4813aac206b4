"""The use cases of the audit log: list, export, verify, anchor, and what other services report.

Entries are written by `record.audit` in the transaction of the change, or here for facts that
came by event. Verifying reads every entry and computes the chain again (`chain`).
"""

import asyncio
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.binding.audit import anchors, record, repo
from services.binding.audit.anchors import Anchor
from services.binding.audit.chain import Walk
from services.binding.audit.repo import AuditFilter
from services.binding.crypto.signing import service_key
from services.binding.deps import Deps
from services.binding.models import AuditEntry
from shared.contracts.principal import Principal
from shared.ids import uuid7

BATCH = 2_000
EXPORT_BATCH = 500
PART_BYTES = 4 * 1024 * 1024
"""The edge carries whole answers of 8 MiB."""
ANCHORS_PER_ROUND = 1_000
COLUMNS = (
    "seq", "at", "actor", "actor_name", "action", "subject", "before", "after", "reason",
    "request_id", "address", "hash",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_SPOILT_NUMBER = re.compile(r"\d{12,}|0\d+|\d+[eE]\d+", re.ASCII)
"""A spreadsheet keeps 15 digits, drops leading zeros, and reads 12E3 as a power of ten."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one verification found; `broken_at` is the number of the first wrong entry. Entries
    after `anchored_seq` are proven by the chain alone, which whoever owns the database can write
    anew; with 0 nothing is anchored."""

    entries: int
    head: str
    anchored_at: datetime | None
    anchored_seq: int
    broken_at: int | None
    why: str

    @property
    def is_intact(self) -> bool:
        return not self.why


async def list_audit(
    deps: Deps, tenant_id: UUID, wanted: AuditFilter, *, page: int, page_size: int
) -> tuple[Sequence[AuditEntry], int, dict[str, str]]:
    """Newest first, how many there are, and what the subjects are called."""
    async with deps.db.read(tenant_id) as tx:
        rows, total = await repo.entries(tx, tenant_id, wanted, page=page, page_size=page_size)
        return rows, total, await repo.names(tx, tenant_id, rows)


async def export_part(
    deps: Deps, tenant_id: UUID, wanted: AuditFilter, after: int
) -> tuple[bytes, int | None]:
    """CSV for spreadsheet programs, oldest first: UTF-8 with a mark, no cell runs as a formula.
    The entries after number `after`, as many as one answer may carry, and the number to go on
    after; None when that was the last. The first part (0) has the mark and the column names, so
    the parts one after the other are the file."""
    lines = [] if after else [b"\xef\xbb\xbf" + _line(COLUMNS)]
    size, last = 0, after
    while True:
        async with deps.db.read(tenant_id) as tx:
            rows = await repo.entries_after(tx, tenant_id, wanted, last, EXPORT_BATCH)
        for row in rows:
            line = _line([_cell(getattr(row, name)) for name in COLUMNS])
            if size and size + len(line) > PART_BYTES:
                return b"".join(lines), last
            lines.append(line)
            size, last = size + len(line), row.seq
        if not rows:
            return b"".join(lines), None


async def note_export(deps: Deps, caller: Principal, wanted: AuditFilter, after: int) -> None:
    """Who took the log away, and which part of it: each part has an entry of its own, because
    nobody has to begin with the first."""
    asked = {name: _cell(value) for name, value in asdict(wanted).items() if value is not None}
    if after:
        asked["after_seq"] = str(after)
    async with deps.db.tx(caller.tenant) as tx:
        what = (f"user:{caller.subject}", "audit.export", str(caller.tenant))
        await record.audit(deps, tx, caller.tenant, what, after=asked)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value)


def _line(cells: Sequence[str]) -> bytes:
    """One CSV line; a cell that a spreadsheet would run begins with an apostrophe instead, and a
    number of which it would lose digits ends with a tab, as in Alipay's own bills."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return out.getvalue().encode()


def _safe(cell: str) -> str:
    if cell.startswith(_FORMULA):
        return f"'{cell}"
    return f"{cell}\t" if _SPOILT_NUMBER.fullmatch(cell) else cell


# --- proof


async def verify_audit(deps: Deps, tenant_id: UUID) -> Verdict:
    """Walks the tenant's whole chain, from the first entry to the head, against the anchors."""
    # The note first: whatever is anchored after it can only be more than it says.
    async with deps.db.read(tenant_id) as tx:
        noted = await repo.anchored_seq(tx, tenant_id)
    found = await deps.costly.audit.run(_anchors, deps, tenant_id)
    believed = [anchor for anchor in found if anchor.is_signed]
    walk = Walk(believed)
    head = (-1, "")
    async with deps.db.read(tenant_id) as tx:
        while walk.broken_at is None:
            rows = await repo.chained(tx, tenant_id, walk.entries, BATCH)
            if rows:
                await deps.costly.audit.run(walk.take, rows)
                continue
            # Others may have added entries since the last rows were read: those are read, too,
            # until the head is reached, or has stood still and nothing leads up to it.
            newest = await repo.head(tx, tenant_id)
            if newest[0] <= walk.entries or newest == head:
                head = newest
                break
            head = newest
    walk.finish(head)
    return Verdict(
        entries=walk.entries,
        head=walk.head,
        anchored_at=datetime.fromisoformat(believed[-1].at) if believed else None,
        anchored_seq=max((anchor.seq for anchor in walk.anchors), default=0),
        broken_at=walk.broken_at,
        why=walk.why or anchors.fault(found, noted),
    )


def _anchors(deps: Deps, tenant_id: UUID) -> list[Anchor]:
    keys = anchors.trusted_keys(deps.trust_file) if deps.trust_file is not None else []
    return list(anchors.read(deps.anchor_file, tenant_id, keys))


async def tenants_with_audit(deps: Deps) -> Sequence[UUID]:
    async with deps.db.read(None) as tx:
        return await repo.tenants(tx)


async def anchor_heads(deps: Deps) -> int:
    """Writes the heads that moved since the last round to the anchor file, outside the database:
    it is the file, not the note of it in the table, that later proves a tail was cut."""
    if deps.anchor_file is None or deps.anchor_key_file is None:
        return 0
    async with deps.db.read(None) as tx:
        moved = await repo.unanchored(tx, ANCHORS_PER_ROUND)
    if not moved:
        return 0
    now, key = deps.clock.now(), service_key(deps.anchor_key_file.read_bytes())
    lines = b"".join(
        anchors.line(
            {
                "at": now.isoformat(),
                "tenant_id": str(head.tenant_id),
                "seq": head.seq,
                "hash": head.hash,
                "after": head.anchored_seq,
            },
            key,
        )
        for head in moved
    )
    await asyncio.to_thread(anchors.append, deps.anchor_file, lines)
    async with deps.db.tx(None) as tx:
        for head in moved:
            await repo.note_anchor(tx, head.tenant_id, head.seq, now)
    return len(moved)


# --- what other services did


@dataclass(frozen=True, slots=True)
class Reported:
    """A fact of another service, as the log keeps it."""

    tenant_id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request_id: str | None = None
    address: str | None = None


async def record_reported(
    deps: Deps, pg: "asyncpg.Connection[Any]", facts: Sequence[Reported]
) -> None:
    """Adds them in the transaction of the inbox, which lets each event in once."""
    for fact in facts:
        await repo.add_reported(
            pg,
            tenant_id=fact.tenant_id,
            audit_id=uuid7(deps.clock),
            at=fact.at,
            what=(fact.actor, fact.action, fact.subject),
            before=_json(fact.before),
            after=_json(fact.after),
            request_id=fact.request_id,
            address=fact.address,
        )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()
