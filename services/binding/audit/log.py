"""The use cases of the audit log: list, export, verify, anchor, record what other services report.

Entries are written by `record.audit` in the transaction of the change, or here for actions that
other services reported by event. Verifying reads every entry and computes the chain again
(`chain`).
"""

import asyncio
import csv
import io
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
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
from shared.contracts.instants import rfc3339
from shared.contracts.principal import Principal
from shared.ids import uuid7

BATCH = 2_000
EXPORT_BATCH = 500
EXPORT_RESTS = 3
EXPORT_REST_MAX_S = 5.0
"""The edge cuts off an answer that is silent for 30 s; the next part may take the rest of them."""
ANCHORS_PER_ROUND = 1_000
COLUMNS = (
    "seq", "at", "actor", "actor_name", "action", "subject", "before", "after", "reason",
    "request_id", "address", "hash",
)  # fmt: skip
_FORMULA = "=+-@\t\r＝＋－＠"
_SPOILT = r"(?:\d{12,}|0\d+|\d+[eE]\d+)"
"""Numbers that a spreadsheet changes: it keeps 15 digits, drops leading zeros, and reads 12E3 as a
power of ten."""
_SPOILT_NUMBER = re.compile(_SPOILT, re.ASCII)
_UNSAFE = re.compile(rf"(?:\A|\0)(?:[{re.escape(_FORMULA)}]|{_SPOILT}(?:\0|\Z))", re.ASCII)
"""An unsafe cell among cells that are joined by a NUL, which no cell can contain. Hardly a row has
one: asking once for a row takes about a fifth of the time of asking for each cell."""


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """The result of one verification; `broken_at` is the number of the first wrong entry. Entries
    after `anchored_seq` are proven by the chain alone, and the database's owner could write the
    whole chain again. 0: nothing is anchored."""

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
    """(entries, newest first; how many there are in all; name by subject)."""
    async with deps.db.read(tenant_id) as tx:
        rows, total = await repo.entries(tx, tenant_id, wanted, page=page, page_size=page_size)
        return rows, total, await repo.names(tx, tenant_id, rows)


async def begin_export(
    deps: Deps, caller: Principal, wanted: AuditFilter, after: int
) -> AsyncGenerator[bytes, None]:
    """CSV in parts, each made when the reader takes it. It holds the entries after number `after`,
    oldest first, up to the newest one at this moment; with 0 a byte order mark and the column names
    come first. It is for spreadsheet programs: UTF-8, and no cell is run as a formula. The export
    itself is audited before the first part is sent."""
    async with deps.db.tx(caller.tenant) as tx:
        newest, _ = await repo.head(tx, caller.tenant)
        facts = {name: _cell(value) for name, value in asdict(wanted).items() if value is not None}
        if after:
            facts["after_seq"] = str(after)
        entry = (f"user:{caller.subject}", "audit.export", str(caller.tenant))
        await record.audit(deps, tx, caller.tenant, entry, after=facts)
    return _parts(deps, caller.tenant, wanted, after, newest)


async def _parts(
    deps: Deps, tenant_id: UUID, wanted: AuditFilter, after: int, newest: int
) -> AsyncGenerator[bytes, None]:
    """Each part has a short transaction of its own. One transaction (a server-side cursor) would
    last as long as a slow download, hold a connection, and keep vacuum from removing dead rows.
    After each part it rests for a multiple of the time that took: payments need the machine more,
    and the busier it is, the longer the rest, within limits."""
    if not after:
        yield b"\xef\xbb\xbf" + _lines([COLUMNS])
    clock = deps.clock.monotonic
    while True:
        began = clock()
        async with deps.db.read(tenant_id) as tx:
            cells = await repo.cells_between(
                tx, tenant_id, wanted, COLUMNS, after, newest, EXPORT_BATCH
            )
        if cells is None:
            return
        part, after = await deps.expensive.audit.run(_part, cells)
        rest_s = min((clock() - began) * EXPORT_RESTS, EXPORT_REST_MAX_S)
        yield part
        await asyncio.sleep(rest_s)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value)


def _part(cells: str) -> tuple[bytes, int]:
    """(CSV lines; the number of the last entry). The cells are those of `COLUMNS`."""
    rows = orjson.loads(cells)
    seq, at = COLUMNS.index("seq"), COLUMNS.index("at")
    for row in rows:
        row[at] = rfc3339(datetime.fromisoformat(row[at]).astimezone(UTC))
    return _lines(rows), rows[-1][seq]


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    """CSV lines. A cell that a spreadsheet would run as a formula gets an apostrophe in front. A
    number of which it would lose digits gets a tab at the end, as in Alipay's own bills."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n").writerow
    for row in rows:
        cells = [value if type(value) is str else _cell(value) for value in row]
        write(map(_safe, cells) if _UNSAFE.search("\0".join(cells)) else cells)
    return out.getvalue().encode()


def _safe(cell: str) -> str:
    if cell.startswith(tuple(_FORMULA)):
        return f"'{cell}"
    return f"{cell}\t" if _SPOILT_NUMBER.fullmatch(cell) else cell


# --- proof


async def verify_audit(deps: Deps, tenant_id: UUID) -> ChainVerification:
    """Checks the tenant's whole chain, from the first entry to the head, against the anchors."""
    # This number is read before the file: the file can only have more anchors by then.
    async with deps.db.read(tenant_id) as tx:
        noted = await repo.anchored_seq(tx, tenant_id)
    found = await deps.expensive.audit.run(_anchors, deps, tenant_id)
    signed = [anchor for anchor in found if anchor.is_signed]
    walk = Walk(signed)
    head = (-1, "")
    async with deps.db.read(tenant_id) as tx:
        while walk.broken_at is None:
            rows = await repo.chained(tx, tenant_id, walk.entries, BATCH)
            if rows:
                await deps.expensive.audit.run(walk.take, rows)
                continue
            # Entries that were added since the last rows were read are read, too. The loop ends
            # when the head is reached, or when it has not moved and no entry leads up to it.
            newest = await repo.head(tx, tenant_id)
            if newest[0] <= walk.entries or newest == head:
                head = newest
                break
            head = newest
    walk.finish(head)
    return ChainVerification(
        entries=walk.entries,
        head=walk.head,
        anchored_at=datetime.fromisoformat(signed[-1].at) if signed else None,
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
    """Writes the heads that moved since the last round to the anchor file, outside the database.
    A cut tail is later proven by the file, not by the copy of the number in the table."""
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


# --- what other services report


@dataclass(frozen=True, slots=True)
class ReportedAction:
    """An action that another service reported by event, as the log stores it."""

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
    deps: Deps, pg: "asyncpg.Connection[Any]", facts: Sequence[ReportedAction]
) -> None:
    """Adds the actions in the transaction of the inbox, which accepts each event once."""
    for fact in facts:
        await repo.add_reported(
            pg,
            tenant_id=fact.tenant_id,
            audit_id=uuid7(deps.clock),
            at=fact.at,
            entry=(fact.actor, fact.action, fact.subject),
            before=_json(fact.before),
            after=_json(fact.after),
            request_id=fact.request_id,
            address=fact.address,
        )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()
