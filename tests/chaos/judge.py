"""The verdict: the devices' journals, the sandbox's ledger and our books must agree."""

from typing import Any

import asyncpg
import httpx

from tests.chaos import aftermath, books
from tests.chaos.shop import Sale, Shop
from tests.chaos.verdict import Verdict
from tests.fixtures.processes import Stack

PAID_AT_ALIPAY = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
SUCCEEDED = frozenset({"paid", "late_paid", "refunded", "partially_refunded"})
CANCELLED = frozenset({"closed", "reversed"})
PAY = "alipay.trade.pay"
ENDS = ("payment.succeeded.v1", "payment.failed.v1", "payment.closed.v1", "payment.reversed.v1")
REPORTED_AS = {
    "SUCCESS": "paid", "PARTIAL_REFUND": "partially_refunded", "REFUNDED": "refunded",
    "SUCCESS_LATE": "late_paid", "FAILED": "failed", "CLOSED": "closed",
    "REVERSED": "reversed",
}  # fmt: skip
"""The status that a device receives for a payment in that state (interfaces of the device API)."""
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class Judge:
    """Judges from outside only: the admin interface, the journals, and the databases' rows."""

    def __init__(self, stack: Stack, shop: Shop) -> None:
        self._stack = stack
        self._shop = shop

    async def count_open(self) -> int:
        """The number of sales, payments, refunds, notices and events that are not final; 1 while
        the database is unavailable."""
        try:
            events = await books.outbox_events(self._stack)
            return (
                sum(not sale.is_over for sale in self._shop.journal)
                + await books.count_unfinished(self._stack)
                + sum(not event.is_published for event in events)
                + len(await books.unconsumed(self._stack, events))
            )
        except AWAY:
            return 1

    async def fault_counts(self, admin: httpx.AsyncClient) -> dict[str, int]:
        """How often each fault was triggered."""
        response = await admin.get("/faults")
        response.raise_for_status()
        document = response.json()
        listed = document["faults"] if isinstance(document, dict) else document
        counts: dict[str, int] = {}
        for one in listed:
            name = f"{one['fault']}:{(one.get('method') or 'any').rpartition('.')[2]}"
            counts[name] = counts.get(name, 0) + int(one.get("hits", 0))
        return counts

    async def _ledger(self) -> dict[str, dict[str, Any]]:
        app_id = self._stack.info["demo"]["app_id"]
        async with httpx.AsyncClient(base_url=self._stack.admin, timeout=30) as admin:
            response = await admin.get("/trades", params={"app_id": app_id})
        response.raise_for_status()
        document = response.json()
        listed = document["trades"] if isinstance(document, dict) else document
        return {trade["out_trade_no"]: trade for trade in listed}

    async def fill(self, verdict: Verdict) -> None:
        ledger = await self._ledger()
        kept = await books.payments(self._stack)
        _outcomes(verdict, self._shop.journal)
        _compare_journal(verdict, self._shop.journal, kept)
        _compare_ledger(verdict, ledger, kept)
        _count_captures(verdict, ledger, kept)
        verdict.work += aftermath.count_work(self._shop.journal)
        await aftermath.judge_refunds(verdict, self._stack, self._shop.journal, ledger)
        await self._events(verdict, kept)
        await self._invariants(verdict, ledger)

    async def _events(self, verdict: Verdict, kept: dict[str, asyncpg.Record]) -> None:
        events = await books.outbox_events(self._stack)
        unpublished = [event for event in events if not event.is_published]
        unconsumed = await books.unconsumed(self._stack, events)
        verdict.events_missing += len(unpublished) + len(unconsumed)
        verdict.evidence += [
            f"not published: {event.type} {event.event_id}" for event in unpublished
        ]
        verdict.evidence += [
            f"{consumer} did not consume {e.type} {e.event_id}" for consumer, e in unconsumed
        ]
        ends: dict[str, list[str]] = {}
        for event in events:
            if event.type in ENDS:
                ends.setdefault(event.key, []).append(event.type)
        effects = await books.effects(self._stack)
        for row in kept.values():
            payment_id = row["payment_id"]
            end_events = ends.get(str(payment_id), [])
            is_paid = row["state"] in books.CAPTURED
            wanted = {"order": 1, "campaign": int(is_paid and row["state"] != "SUCCESS_LATE")}
            if row["state"] == "REFUNDED" and not effects["campaign"][payment_id]:
                # Refunded before the coupon was made: then none is ever made.
                wanted["campaign"] = 0
            if len(end_events) != 1:
                _miscounted(
                    verdict, f"{payment_id} published its end {end_events}", len(end_events), 1
                )
            for service, count in wanted.items():
                have = effects[service][payment_id]
                if have != count and row["state"] not in {"SUCCESS_LATE", "REVERSED"}:
                    _miscounted(verdict, f"{payment_id}: {have} in {service}", have, count)

    async def _invariants(self, verdict: Verdict, ledger: dict[str, dict[str, Any]]) -> None:
        broken = await books.violated(self._stack)
        unfinished = await books.count_unfinished(self._stack)
        overpaid = [
            no for no, trade in ledger.items() if trade["refunded_fen"] > trade["total_fen"]
        ]
        leaks = await books.leaks(self._stack)
        is_draw_kept = await aftermath.judge_draws(verdict, self._stack, self._shop.journal)
        is_audit_intact = await aftermath.judge_audit(verdict, self._stack)
        verdict.evidence += [line for lines in broken.values() for line in lines]
        verdict.evidence += [f"refunded more than paid: {no}" for no in overpaid]
        verdict.evidence += [f"rows without a tenant: {name}" for name in leaks]
        held = {
            "G1": verdict.lost == 0 and verdict.amount_difference_fen == 0,
            "G2": verdict.double == 0,
            "G3": unfinished == 0,
            "G4": not overpaid,
            "G5": is_draw_kept,
            "G6": verdict.events_missing == 0 and verdict.effects_doubled == 0,
            "G7": not leaks,
            "G8": is_audit_intact,
        }
        verdict.invariants = {name: held[name] and not broken.get(name) for name in held}


def _miscounted(verdict: Verdict, line: str, have: int, wanted: int) -> None:
    verdict.evidence.append(line)
    if have > wanted:
        verdict.effects_doubled += 1
    else:
        verdict.events_missing += 1


def _outcomes(verdict: Verdict, journal: list[Sale]) -> None:
    verdict.payments = len(journal)
    verdict.succeeded = sum(sale.status in SUCCEEDED for sale in journal)
    verdict.failed = sum(sale.status == "failed" for sale in journal)
    verdict.cancelled = sum(sale.status in CANCELLED for sale in journal)


def _compare_journal(
    verdict: Verdict, journal: list[Sale], kept: dict[str, asyncpg.Record]
) -> None:
    """A device's responses stay true: an acknowledged payment is durable (F17)."""
    by_request: dict[tuple[str, str], list[asyncpg.Record]] = {}
    for row in kept.values():
        by_request.setdefault((str(row["device_id"]), row["pay_request_id"]), []).append(row)
    for sale in journal:
        found = by_request.get((sale.device_id, sale.pay_request_id), [])
        if len(found) > 1:
            verdict.double += 1
            verdict.evidence.append(f"two payments for one sale: {sale.pay_request_id}")
        if not sale.is_final:
            verdict.evidence.append(f"{sale.pay_request_id}: {sale.status}")
            continue
        reported = [row for row in found if row["out_trade_no"] == sale.out_trade_no]
        if not reported:
            verdict.lost += 1
            verdict.evidence.append(
                f"reported {sale.status}, not in the books: {sale.out_trade_no}"
            )
        elif REPORTED_AS.get(reported[0]["state"]) != aftermath.expected_status(sale):
            now = reported[0]["state"]
            if sale.status in SUCCEEDED or now != "SUCCESS_LATE":
                verdict.lost += 1
                verdict.evidence.append(f"reported {sale.status}, now {now}: {sale.out_trade_no}")


def _captured_fen(trade: dict[str, Any] | None) -> int:
    """What Alipay still holds for the merchant."""
    if trade is None or trade["status"] not in PAID_AT_ALIPAY:
        return 0
    return int(trade["total_fen"] - trade["refunded_fen"])


def _booked_fen(row: asyncpg.Record | None) -> int:
    if row is None or row["channel"] != "alipay" or row["state"] not in books.CAPTURED:
        return 0
    return int(row["payable_fen"] - row["refunded_fen"])


def _compare_ledger(
    verdict: Verdict, ledger: dict[str, dict[str, Any]], kept: dict[str, asyncpg.Record]
) -> None:
    """G1, both ways."""
    for number in sorted(ledger.keys() | kept.keys()):
        captured, booked = _captured_fen(ledger.get(number)), _booked_fen(kept.get(number))
        if captured == booked:
            continue
        state = kept[number]["state"] if number in kept else "unknown to us"
        verdict.evidence.append(f"{number}: Alipay holds {captured} fen, we {booked} ({state})")
        verdict.amount_difference_fen += abs(captured - booked)
        if not (captured and booked):
            verdict.lost += 1


def _count_captures(
    verdict: Verdict, ledger: dict[str, dict[str, Any]], kept: dict[str, asyncpg.Record]
) -> None:
    """G2: one capture per sale, and a pay call is never repeated (F4)."""
    captures: dict[tuple[str, str], list[str]] = {}
    for number, trade in ledger.items():
        if trade["requests"].get(PAY, 0) > 1:
            verdict.double += 1
            verdict.evidence.append(f"asked to pay {trade['requests'][PAY]} times: {number}")
        if _captured_fen(trade) and number in kept:
            row = kept[number]
            captures.setdefault((str(row["device_id"]), row["pay_request_id"]), []).append(number)
    for numbers in captures.values():
        if len(numbers) > 1:
            verdict.double += len(numbers) - 1
            verdict.evidence.append(f"captured twice: {numbers}")
