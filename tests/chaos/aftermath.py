"""What must be true of refunds, draws and the audit log when everything is quiet again."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from tests.chaos import books
from tests.chaos.shop import Sale
from tests.chaos.verdict import Verdict
from tests.fixtures.processes import ROOT, Stack

REFUNDS = "SELECT payment_id, refund_request_id, amount_fen, state, origin FROM refunds"
DRAWS = "SELECT payment_id, prize_id FROM draws WHERE via = 'device'"
AUDITED = """
SELECT after ->> 'refund_request_id' AS refund_request_id, count(*) FROM audit_log
WHERE action = 'payment.refund' GROUP BY 1
"""
REPORTED_AS = {"DONE": "done", "REJECTED": "rejected"}
AUDIT_LIMIT_S = 60

Rows = dict[tuple[UUID, str], list[asyncpg.Record]]


def expected_status(sale: Sale) -> str:
    """The status that the device would receive now: paid, less later refunds."""
    back_fen = sum(refund.amount_fen for refund in sale.refunds if refund.status == "done")
    if sale.status != "paid" or not back_fen:
        return sale.status
    return "refunded" if back_fen == sale.amount_fen else "partially_refunded"


async def judge_refunds(
    verdict: Verdict, stack: Stack, journal: list[Sale], ledger: dict[str, dict[str, Any]]
) -> None:
    """G4, F30: for each refund the console's responses, our books and Alipay's agree, and the audit
    log has one entry for each refund that was made."""
    rows: Rows = {}
    for row in await books.rows(stack, "payment", REFUNDS):
        rows.setdefault((row["payment_id"], row["refund_request_id"]), []).append(row)
    audited = {row[0]: row[1] for row in await books.rows(stack, "binding", AUDITED)}
    for sale in journal:
        for refund in sale.refunds:
            verdict.work[f"refunds_{refund.status}"] += 1
            found = rows.get((UUID(sale.payment_id), refund.refund_request_id), [])
            reported = [REPORTED_AS.get(row["state"], "pending") for row in found]
            if reported != ([] if refund.status == "refused" else [refund.status]):
                verdict.lost += 1
                verdict.evidence.append(
                    f"refund {refund.refund_request_id}: reported {refund.status},"
                    f" in the books {reported}"
                )
            entries = audited.get(refund.refund_request_id, 0)
            if entries != (1 if refund.status == "done" else 0):
                verdict.events_missing += entries == 0
                verdict.effects_doubled += entries > 1
                verdict.evidence.append(f"{refund.refund_request_id}: {entries} audit entries")
        back_fen = sum(refund.amount_fen for refund in sale.refunds if refund.status == "done")
        trade = ledger.get(sale.out_trade_no)
        if sale.refunds and trade is not None and trade["refunded_fen"] != back_fen:
            verdict.amount_difference_fen += abs(trade["refunded_fen"] - back_fen)
            verdict.evidence.append(
                f"{sale.out_trade_no}: {back_fen} fen reported as refunded, Alipay has"
                f" {trade['refunded_fen']}"
            )


async def judge_draws(verdict: Verdict, stack: Stack, journal: list[Sale]) -> bool:
    """G5: a device that requests a draw twice receives the same prize, which is in the books."""
    drawn: dict[UUID, list[Any]] = {}
    for row in await books.rows(stack, "campaign", DRAWS):
        drawn.setdefault(row["payment_id"], []).append(row["prize_id"])
    is_kept = True
    for sale in journal:
        reported = [response.get("prize") for response in sale.draws if "refused" not in response]
        verdict.work["draws"] += bool(reported)
        prizes = [UUID(prize["prize_id"]) if prize else None for prize in reported]
        kept = drawn.get(UUID(sale.payment_id), []) if sale.payment_id else []
        if len(kept) > 1 or any(prize not in kept for prize in prizes):
            is_kept = False
            verdict.evidence.append(f"{sale.payment_id}: reported {prizes}, in the books {kept}")
    return is_kept


async def judge_audit(verdict: Verdict, stack: Stack) -> bool:
    """G8: every chain verifies, also against the anchors outside the database."""
    (pid, *_) = stack.pids("binding-worker")
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    environment = dict(pair.decode().split("=", 1) for pair in pairs if b"=" in pair)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "services.binding", "audit", "verify"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        timeout=AUDIT_LIMIT_S,
    )  # fmt: skip
    if done.returncode != 0:
        verdict.evidence.append(f"audit verify: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.returncode == 0


def count_work(journal: list[Sale]) -> Counter[str]:
    """Sales by what the buyer showed."""
    return Counter("face" if sale.auth_code.startswith("fp") else "code" for sale in journal)
