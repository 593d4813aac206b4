"""The platform's own records, read across tenants from the services' databases."""

import importlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from tests.fixtures.processes import ROOT, Stack

SERVICES = ("binding", "device", "payment", "campaign", "order")
CONSUMERS = SERVICES
CAPTURED = frozenset({"SUCCESS", "PARTIAL_REFUND", "REFUNDED", "SUCCESS_LATE"})
OPEN = frozenset({"SUBMITTED", "PAYING", "UNKNOWN", "CANCELLING", "MANUAL"})

OUTBOX = "SELECT event_id, type, key, published_at FROM outbox"
INBOX = "SELECT consumer, event_id FROM inbox"
PAYMENTS = """
SELECT payment_id, out_trade_no, pay_request_id, device_id, state, channel, payable_fen,
       refunded_fen FROM payments
"""
UNFINISHED = """
SELECT (SELECT count(*) FROM payments WHERE state = ANY($1::text[]))
     + (SELECT count(*) FROM refunds WHERE state NOT IN ('DONE', 'REJECTED'))
     + (SELECT count(*) FROM notify_inbox WHERE state = 'RECEIVED')
"""
EFFECTS = {
    "order": "SELECT payment_id, count(*) FROM orders GROUP BY 1",
    "campaign": "SELECT payment_id, count(*) FROM coupons GROUP BY 1",
}


@dataclass(frozen=True)
class OutboxEvent:
    """One event in some service's outbox."""

    event_id: UUID
    type: str
    key: str
    is_published: bool


async def rows(stack: Stack, service: str, sql: str, *args: Any) -> list[asyncpg.Record]:
    """Rows as the service's role that sees all tenants, which stack.json names."""
    connection = await asyncpg.connect(stack.postgres(service), timeout=5)
    try:
        return await connection.fetch(sql, *args)
    finally:
        await connection.close()


async def payments(stack: Stack) -> dict[str, asyncpg.Record]:
    """By out_trade_no."""
    return {row["out_trade_no"]: row for row in await rows(stack, "payment", PAYMENTS)}


async def count_unfinished(stack: Stack) -> int:
    found = await rows(stack, "payment", UNFINISHED, sorted(OPEN))
    return int(found[0][0])


async def outbox_events(stack: Stack) -> list[OutboxEvent]:
    """Every event that any service has in its outbox."""
    found = []
    for service in SERVICES:
        for row in await rows(stack, service, OUTBOX):
            is_published = row["published_at"] is not None
            found.append(OutboxEvent(row["event_id"], row["type"], row["key"], is_published))
    return found


def wanted_types(service: str) -> dict[str, frozenset[str]]:
    """The event types that must be in the inbox under each key, as the service's code declares."""
    wanted: dict[str, frozenset[str]] = {}
    for room in importlib.import_module(f"services.{service}.consumers").handlers.rooms:
        wanted[room.inbox_key] = wanted.get(room.inbox_key, frozenset()) | set(room.by_type)
    return wanted


async def unconsumed(stack: Stack, events: list[OutboxEvent]) -> list[tuple[str, OutboxEvent]]:
    """Events that a consumer should have handled and that are not in its inbox."""
    missing = []
    for service in CONSUMERS:
        claimed = {(row["consumer"], row["event_id"]) for row in await rows(stack, service, INBOX)}
        for key, types in wanted_types(service).items():
            wanted = [event for event in events if event.type in types]
            missing += [(key, event) for event in wanted if (key, event.event_id) not in claimed]
    return missing


async def effects(stack: Stack) -> dict[str, Counter[UUID]]:
    """How many orders and how many coupons each payment has."""
    found: dict[str, Counter[UUID]] = {}
    for service, sql in EFFECTS.items():
        found[service] = Counter({row[0]: row[1] for row in await rows(stack, service, sql)})
    return found


async def violated(stack: Stack) -> dict[str, list[str]]:
    """Rows that the services' own invariant files return, by G-number."""
    found: dict[str, list[str]] = {}
    for path in sorted(ROOT.glob("services/*/invariants/*.sql")):
        name = path.name.partition("_")[0].upper()
        service = path.parts[-3]
        for row in await rows(stack, service, path.read_text()):
            found.setdefault(name, []).append(f"{_short(path)}: {dict(row)}")
    return found


def _short(path: Path) -> str:
    return f"{path.parts[-3]}/{path.stem}"


async def leaks(stack: Stack) -> list[str]:
    """G7: tables that show rows to the application's role when it names no tenant."""
    found = []
    for service in SERVICES:
        connection = await asyncpg.connect(stack.application_url(service), timeout=5)
        try:
            names = await connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename <> 'alembic_version'"
            )
            for row in names:
                if await connection.fetchval(f"SELECT count(*) FROM {row['tablename']}"):
                    found.append(f"{service}.{row['tablename']}")
        finally:
            await connection.close()
    return found
